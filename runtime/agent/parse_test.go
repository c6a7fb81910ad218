package agent

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"runbook/runtime/event"
)

// parse returns a destination with a user.
func parse(t *testing.T, text string) (Destination, error) {
	d, err := Servers{}.destination(t.Context(), text)
	if err == nil && d.User == "" {
		err = d.check()
	}
	return d, err
}

func TestDestination(t *testing.T) {
	for text, want := range map[string]string{
		"git@git.example.org:app.git":              "git@git.example.org",
		"git@git.example.org:team/app.git":         "git@git.example.org",
		"git@git.example.org:/srv/app.git":         "git@git.example.org",
		"git@git.example.org":                      "git@git.example.org",
		"git@git.example.org:2222":                 "git@[git.example.org]:2222",
		"git@192.0.2.1:22":                         "git@192.0.2.1",
		"git@192.0.2.1:1":                          "git@[192.0.2.1]:1",
		"git@192.0.2.1:65535":                      "git@[192.0.2.1]:65535",
		"git@[2001:db8::1]:app.git":                "git@2001:db8::1",
		"git@[2001:db8::1]:2222":                   "git@[2001:db8::1]:2222",
		"ssh://git@git.example.org/app.git":        "git@git.example.org",
		"ssh://git@git.example.org:2222/x/app.git": "git@[git.example.org]:2222",
		"ssh://git@[2001:db8::1]:2222/app.git":     "git@[2001:db8::1]:2222",
	} {
		d, err := parse(t, text)
		if err != nil || d.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, d, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                               "missing host",
		"git.example.org":                "names no user",
		"ssh://git.example.org/app.git":  "names no user",
		"ssh://git:pw@git.example.org/a": "password",
		"https://git.example.org/app":    "needs no SSH key",
		"file:///srv/app.git":            "needs no SSH key",
		"/srv/app.git":                   "needs no SSH key",
		"git@-oProxyCommand=x:app":       "begins with a dash",
		"-l@git.example.org":             "begins with a dash",
		"git@git.example.org:65536":      "want a number from 1 to 65535",
		"git@git.example.org:0":          "want a number from 1 to 65535",
		"git@a b:app":                    "contains a space",
		"git@[nonsense]:2222":            "not an IPv6 address",
		"git@*:app":                      "not a host name",
	} {
		if d, err := parse(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, d, err, want)
		}
	}
	_, err := parse(t, "git.example.org")
	if !strings.Contains(event.Hint(err), "user@host") {
		t.Errorf("hint: %q", event.Hint(err))
	}
}

// The parsers never panic. A parsed login encodes to the same bytes again.
func FuzzParseLogin(f *testing.F) {
	l := append(text([]byte("session")), userauthRequest)
	l = append(l, text([]byte("git"), []byte("ssh-connection"), []byte(methodHostbound))...)
	l = append(append(l, 1), text([]byte("ssh-ed25519"), []byte("key"), []byte("host key"))...)
	f.Add(l)
	f.Add([]byte("SSHSIG"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseLogin(data)
		if err != nil {
			return
		}
		method := methodPlain
		if got.hostKey != nil {
			method = methodHostbound
		}
		again := append(text(got.session), userauthRequest)
		again = append(again, text([]byte(got.user), []byte("ssh-connection"), []byte(method))...)
		again = append(append(again, 1), text([]byte(got.algorithm), got.key)...)
		if got.hostKey != nil {
			again = append(again, text(got.hostKey)...)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%x was read as %+v, which is %x", data, got, again)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{agentRequestIdentities})
	f.Add(append([]byte{agentExtension}, text([]byte("session-bind@openssh.com"), []byte("key"), []byte("session"),
		[]byte("sig"))...))
	f.Add(append([]byte{agentSignRequest}, text([]byte("key"), []byte("data"))...))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) == 0 {
			return
		}
		ch := &channel{f: NewForwarder(ForwarderOptions{}), ctx: t.Context(), host: "web1"}
		answer := ch.answer(message)
		if len(answer) == 0 || answer[0] == agentSignResponse || answer[0] == agentSuccess {
			t.Errorf("%x was answered with %x", message, answer)
		}
	})
}

func FuzzParseBinding(f *testing.F) {
	f.Add(append(text([]byte("key"), []byte("session"), text([]byte("ssh-ed25519"), make([]byte, 64))), 0))
	f.Fuzz(func(t *testing.T, contents []byte) {
		if b, err := parseBinding(contents); err == nil && b.hostKey == nil {
			t.Error("a binding to no host key")
		}
	})
}

func FuzzDestination(f *testing.F) {
	for _, s := range []string{"git@h:app", "ssh://git@h:22/x", "git@[::1]:22", "a@b@c:d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parse(t, s)
		if err != nil {
			return
		}
		if d.User == "" || d.Host == "" || d.Port < 1 || d.Port > 65535 ||
			strings.ContainsAny(d.User+d.Host, " \t\n@/") || d.User[0] == '-' || d.Host[0] == '-' {
			t.Errorf("%q was read as %+v", s, d)
		}
		if strings.Contains(d.Host, ":") && net.ParseIP(d.Host) == nil {
			t.Errorf("%q was read as the host %q", s, d.Host)
		}
	})
}
