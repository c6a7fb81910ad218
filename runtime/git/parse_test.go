package git

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"runbook/runtime/inventory"
)

func TestParseRepo(t *testing.T) {
	for text, want := range map[string]Repo{
		"git@git.example.org:app.git": {Transport: SSH,
			Target: inventory.Target{User: "git", Host: "git.example.org", Port: 22}, Path: "app.git"},
		"git.example.org:/srv/app.git": {Transport: SSH,
			Target: inventory.Target{Host: "git.example.org", Port: 22}, Path: "/srv/app.git"},
		"git@[2001:db8::1]:app.git": {Transport: SSH,
			Target: inventory.Target{User: "git", Host: "2001:db8::1", Port: 22}, Path: "app.git"},
		"ssh://git@git.example.org/app.git": {Transport: SSH,
			Target: inventory.Target{User: "git", Host: "git.example.org", Port: 22}, Path: "/app.git"},
		"ssh://git@git.example.org:2222/srv/a.git": {Transport: SSH,
			Target: inventory.Target{User: "git", Host: "git.example.org", Port: 2222}, Path: "/srv/a.git"},
		"ssh://git@[2001:db8::1]:2222/app.git": {Transport: SSH,
			Target: inventory.Target{User: "git", Host: "2001:db8::1", Port: 2222}, Path: "/app.git"},
		"ssh://git.example.org/~/app.git": {Transport: SSH,
			Target: inventory.Target{Host: "git.example.org", Port: 22}, Path: "/~/app.git"},
		"https://git.example.org/team/app.git": {Transport: HTTPS,
			Target: inventory.Target{Host: "git.example.org"}, Path: "/team/app.git"},
		"https://git.example.org:8443/app.git": {Transport: HTTPS,
			Target: inventory.Target{Host: "git.example.org", Port: 8443}, Path: "/app.git"},
		"file:///srv/git/app.git": {Transport: File, Path: "/srv/git/app.git"},
		"/srv/git/app.git/":       {Transport: File, Path: "/srv/git/app.git"},
		"/srv/git/with space.git": {Transport: File, Path: "/srv/git/with space.git"},
	} {
		want.URL = text
		if r, err := ParseRepo(text); err != nil || r != want {
			t.Errorf("%s: %+v, %v; want %+v", text, r, err, want)
		}
	}
	for text, want := range map[string]string{ // URLs with a login, and what is kept of them
		"https://TOKEN@git.example.org/app.git":                 "https://git.example.org/app.git",
		"https://user:p%40ss@git.example.org:8443/app.git?x=a@": "https://git.example.org:8443/app.git?x=a@",
		"https://user:@[2001:db8::1]/app.git":                   "https://[2001:db8::1]/app.git",
		"https://user:p@ss@git.example.org/a@b":                 "https://git.example.org/a@b",
	} {
		if r, err := ParseRepo(text); err != nil || r.URL != want || r.credential == nil {
			t.Errorf("%s: %+v, %v; want %s", text, r, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                       "empty",
		"--upload-pack=touch /tmp/x":             "begins with -",
		"ext::sh -c touch% /tmp/x":               "run a program",
		"fd::17":                                 "run a program",
		"ext::ssh://git@git.example.org/x":       "run a program",
		"git://git.example.org/app.git":          "git is not a supported transport",
		"http://git.example.org/app.git":         "http is not a supported transport",
		"git+ssh://git@git.example.org/a":        "not a supported transport",
		"ssh://-oProxyCommand=x/app.git":         "begins with a dash",
		"ssh://-l@git.example.org/app.git":       "user: \"-l\" begins with a dash",
		"ssh://%2dl@git.example.org/app.git":     "user: \"-l\" begins with a dash",
		"ssh://a%20b@git.example.org/app.git":    "user: \"a b\" contains a space",
		"-oProxyCommand=x:app.git":               "begins with -",
		"git@-oProxyCommand=x:app.git":           "begins with a dash",
		"ssh://git@git.example.org":              "missing path",
		"ssh://git:pw@git.example.org/a":         "password",
		"https://git:to%0Aken@git.example.org/a": "control character",
		"file://elsewhere/srv/app.git":           "has no host",
		"app.git":                                "want [user@]host:path",
		"./app.git":                              "want [user@]host:path",
		"git@git.example.org:app\n.git":          "control character",
		"git@[git.example.org:2222]:app.git":     "not an IPv6 address",
		"ssh://git@git.example.org:0/a":          "want a number from 1 to 65535",
		"ssh://git@git.example.org:70000/a":      "want a number from 1 to 65535",
		"git@*:app.git":                          "not a host name",
		"a@b@git.example.org:app.git":            "user: \"a@b\" contains '@'",
		`dom\git@git.example.org:app.git`:        `user: "dom\\git" contains`,
		"git@[fe80::1%eth0]:app.git":             "zone",
	} {
		if r, err := ParseRepo(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want an error with %q", text, r, err, want)
		}
	}
}

func FuzzParseRepo(f *testing.F) {
	for _, s := range []string{"git@h:app.git", "ssh://git@h:22/x", "https://h/x", "file:///x", "/x", "ext::x",
		"a@[::1]:b", "h:-x", "https://u:p@h:1/x@y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRepo(s)
		if err != nil {
			return
		}
		switch {
		case strings.HasPrefix(r.URL, "-"), strings.HasPrefix(r.Host, "-"), strings.HasPrefix(r.User, "-"),
			r.Path == "", r.Transport != File && r.Host == "", strings.ContainsAny(r.URL, "\x00\n"),
			strings.ContainsAny(r.Host+r.User, " *?!,@/'\"$\\"), r.Transport == SSH && (r.Port < 1 || r.Port > 65535),
			r.Transport == File && !strings.HasPrefix(r.Path, "/"):
			t.Errorf("%q was read as %+v", s, r)
		}
		if u, err := url.Parse(r.URL); r.Transport == HTTPS &&
			(err != nil || u.User != nil || u.Path != r.Path || r.credential != nil && u.Host != r.credential.host) {
			t.Errorf("%q was read as %+v, whose URL is read as %+v, %v", s, r, u, err)
		}
		scheme, _, helper := strings.Cut(s, "::")
		if helper && r.Transport != File && !strings.ContainsAny(scheme, "/[:@") {
			t.Errorf("%q names a remote helper, and was read as %+v", s, r)
		}
	})
}

// git accepts exactly the names that CheckRef accepts.
func TestCheckRef(t *testing.T) {
	for name, ok := range map[string]bool{
		"release": true, "team/feature-1": true, "v1.2.3": true, "übung": true, "refs/heads/x": true, "a@b": true,
		"HEAD": true,
		"":     false, "-x": false, "a b": false, "a\tb": false, "a..b": false, "a~1": false, "a^": false, "a:b": false,
		"a?": false, "a*": false,
		"a[": false, `a\b`: false, "/a": false, "a/": false, "a//b": false, ".a": false, "a/.b": false, "a.lock": false,
		"a.lock/b": false,
		"a.":       false, "a@{1}": false, "@": false, "a\x7f": false,
	} {
		if err := CheckRef(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if git := exec.Command("git", "check-ref-format", "--branch", name).Run(); (git == nil) != ok &&
			name != "HEAD" && name != "@" {
			t.Errorf("%q: git says %v", name, git)
		}
	}
}

func TestCheckRevision(t *testing.T) {
	const whole = "8f14e45fceea167a5a36dedd4bea2543ad61a1f3"
	if err := CheckRevision(whole); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", whole[:12], whole + "0", strings.ToUpper(whole), "release", "--help",
		whole[:39] + "g"} {
		if CheckRevision(wrong) == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
}
