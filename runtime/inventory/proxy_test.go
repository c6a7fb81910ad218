package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
)

// route returns what a host is reached through, as text.
func route(h Host, dir string) string {
	text := "direct"
	switch {
	case h.Proxy != nil:
		text = fmt.Sprintf("%q %s %s", h.Proxy.Argv, h.Proxy.Line, h.Proxy.From)
	case h.Via != nil:
		text = "via " + h.Via.Name
	}
	return strings.ReplaceAll(text, dir, "DIR")
}

// TestProxies: the hosts file comes before ssh_config, and a host before the defaults.
func TestProxies(t *testing.T) {
	t.Setenv("SHELL", "/bin/dash")
	dir := files(t, map[string]string{
		"hosts/h.lua": `return {
			proxy = { "tools/connect", "--to=%h:%p", "%r@%n", "a b", "100%%" },
			{ name = "list" , address = "real", user = "me" },
			{ name = "line", proxy = "nc -x proxy:1 %h %p # all" },
			{ name = "none", proxy = "none" },
			{ name = "None", jump = "none" },
			{ name = "jump", jump = "gate" },
			{ name = "path", proxy = { "aws", "x/y" } },
		}`,
		"hosts/plain.lua": `return { { name = "c" }, { name = "d", proxy = "none" }, { name = "e", jump = "gate" }, ` +
			`{ name = "f" }, { name = "j" } }`,
		".ssh/config": `
			Host c d e
				ProxyCommand = gate %h %p "x"  # for all
			Host f
				ProxyCommand none
				ProxyJump gate
			Host gate
				ProxyCommand outer %h
			Host real
				HostName real.example
				Port 2200
				ProxyJump nowhere
			Host j
				ProxyJump gate
				ProxyCommand never`,
	})
	var got []string
	for _, h := range load(t, Options{Hosts: []string{"hosts/h.lua"}, Dir: dir}, "") {
		got = append(got, h.Name+" "+route(h, dir))
	}
	for _, h := range load(t, Options{Hosts: []string{"hosts/plain.lua"}, Dir: dir}, "") {
		got = append(got, h.Name+" "+route(h, dir))
		if h.Via != nil {
			got = append(got, "  "+route(*h.Via, dir))
		}
	}
	want := []string{
		`list ["DIR/hosts/tools/connect" "--to=real.example:2200" "me@real" "a b" "100%"]  hosts/h.lua:3: proxy`,
		`line ["/bin/dash" "-c" "exec nc -x proxy:1 line 22 # all"] nc -x proxy:1 line 22 # all hosts/h.lua:4: proxy`,
		`none direct`,
		`None direct`,
		`jump via gate`,
		`path ["aws" "x/y"]  hosts/h.lua:8: proxy`,
		`c ["/bin/dash" "-c" "exec gate c 22 \"x\"  # for all"] gate c 22 "x"  # for all .ssh/config:3: ProxyCommand`,
		`d direct`,
		`e via gate`,
		`  ["/bin/dash" "-c" "exec outer gate"] outer gate .ssh/config:8: ProxyCommand`,
		`f direct`, // ProxyCommand none comes first
		`j via gate`,
		`  ["/bin/dash" "-c" "exec outer gate"] outer gate .ssh/config:8: ProxyCommand`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWrongProxies(t *testing.T) {
	for lua, want := range map[string]string{
		`proxy = {}`:                     "proxy: is empty",
		`proxy = ""`:                     "proxy: is empty",
		`proxy = { "" }`:                 "proxy: is empty",
		`proxy = 3`:                      "proxy: want a string, got the number 3",
		`proxy = { "a", 3 }`:             "proxy: item 2: want a string, got the number 3",
		`proxy = "a\nb"`:                 `proxy: "a\nb" contains a control character`,
		`proxy = "nc", jump = "b"`:       "jump and proxy: only one of them can connect to a host",
		`proxy = { "nc", "%d" }`:         "host a: proxy: %d is not supported here",
		`proxy = "nc 50%"`:               "host a: proxy: incomplete % at the end; write %% for a percent sign",
		`proxy = { "~no-such-user/nc" }`: `proxy: "~no-such-user/nc": no user no-such-user on this machine`,
	} {
		dir := files(t, map[string]string{"h.lua": `return { { name = "a", ` + lua + ` } }`})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir, SSHConfig: "none"},
			"")
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v", lua, err)
		}
	}
}

// TestMatchExec: a command that is the same for several hosts runs once, and only if everything
// before it on the line matches.
func TestMatchExec(t *testing.T) {
	dir := files(t, map[string]string{"c": `
		Match exec "echo same >> ~/ran"
			User one
		Match host b exec "echo %h-%n-%p-%r >> ~/ran; exit 1"
			User two
		Match host nothing exec "echo never >> ~/ran"
			User three
		Match final !exec "exit 3"
			Port 2
	`, "reads": `Match exec "read x; test -z $x"` + "\n User silent\n"})
	for _, h := range load(t, Options{Hosts: []string{"a,b"}, Dir: dir, SSHConfig: "c"}, "") {
		if h.User != "one" || h.Port != 2 {
			t.Errorf("%+v", h)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "ran")); err != nil || string(text) != "same\nb-b-22-one\n" {
		t.Errorf("%v: %s", err, text)
	}
	if h := one(t, Options{Hosts: []string{"a"}, Dir: dir, SSHConfig: "reads"}); h.User != "silent" {
		t.Errorf("%+v", h)
	}
	// What a command prints is shown, without control characters.
	var warned []string
	dir = files(t, map[string]string{"loud": `Match exec "printf 'a\\033[1m\\nb\\n' >&2; nonexistent-command"` +
		"\n Port 5\n"})
	h := one(t, Options{Hosts: []string{"a"}, Dir: dir, SSHConfig: "loud",
		Warn: func(text string) { warned = append(warned, text) }})
	if len(warned) != 1 || !strings.HasPrefix(warned[0], "loud:1: Match exec printed: a") ||
		!strings.Contains(warned[0], "; b; ") ||
		!strings.Contains(warned[0], "nonexistent-command") || strings.Contains(warned[0], "\x1b") || h.Port != 22 {
		t.Errorf("%q, %+v", warned, h)
	}
	// Offline, no command runs.
	dir = files(t, map[string]string{"reads": `Match exec "true"` + "\n User silent\n"})
	if h := one(t, Options{Hosts: []string{"a"}, Dir: dir, SSHConfig: "reads", Offline: true}); h.User == "silent" {
		t.Errorf("%+v", h)
	}
}

// TestUnsafeFiles: a file that others can write to is refused, or at least a command in it.
func TestUnsafeFiles(t *testing.T) {
	for _, c := range []struct {
		name, path, config string
		mode               os.FileMode
		explicit           bool
		want               string
	}{
		{"the user's file", ".ssh/config", "User x", 0o646, false, ".ssh/config: every user can write to it"},
		{"a group of many", ".ssh/config", "User x", 0o660, false, ".ssh/config: its group can write to it"},
		{"an included file", ".ssh/more", "User x", 0o602, false, ".ssh/more: every user can write to it"},
		{"a command of --ssh-config", "c", `Match exec "true"`, 0o622, true,
			"c:1: Match runs a command: c: every user can write to it"},
		{"a proxy of --ssh-config", "c", "ProxyCommand nc", 0o622, true,
			"c:1: ProxyCommand runs a command: c: every user can write to it"},
		{"no command in --ssh-config", "c", "User x", 0o666, true, ""},
		{"a private file", ".ssh/config", "ProxyCommand nc", 0o644, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := files(t, map[string]string{".ssh/config": "Include more\n", c.path: c.config + "\n"})
			path := filepath.Join(dir, c.path)
			if c.mode == 0o660 {
				if os.Getuid() != 0 {
					return // only root can give the file to another group; CI runs as root
				}
				if err := os.Chown(path, 0, 4); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			o := Options{Hosts: []string{"web1"}, Dir: dir}
			if c.explicit {
				o.SSHConfig = c.path
			}
			_, err := Load(t.Context(), event.NewStream(), o, "")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), dir+"/", ""),
				c.want) || !strings.Contains(event.Hint(err), "chmod go-w")):
				t.Errorf("got %v (%s), want %s", err, event.Hint(err), c.want)
			}
		})
	}
}
