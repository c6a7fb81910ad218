package inventory

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

func TestHostsFile(t *testing.T) {
	dir := files(t, map[string]string{"inv/hosts.lua": `
		local function web(n) return { name = "web" .. n, address = "192.0.2.1" .. n, vars = { processes = n } } end
		return {
			user = "deploy", port = 2200, identity = { "keys/a", "~/b" }, known_hosts = "known", tags = { "all" },
			vars = { processes = 2, threads = 5 }, sudo = "ask",
			web(1),
			{ name = "web2", address = "[2001:db8::2]", port = 22, user = "root", identity = "/abs", ` +
		`tags = { "db", "x" },
			  vars = { list = { "a", 2, true }, empty = {}, on = false }, ` +
		`host_key = "` + ed25519 + ` root@web2", sudo = "none",
			  known_hosts = "~/k" },
			"other@192.0.2.13",
			"[::1]:2222",
		}`})
	got := load(t, Options{Hosts: []string{"inv/hosts.lua"}, Dir: dir, SSHConfig: "none"}, "")
	in := func(name string) string { return filepath.Join(dir, name) }
	source := filepath.Join("inv", "hosts.lua")
	vars := func(processes float64) map[string]any { return map[string]any{"processes": processes, "threads": 5.0} }
	usual := []string{in("inv/keys/a"), in("b")}
	want := []Host{
		{Name: "web1", Address: "192.0.2.11", Port: 2200, User: "deploy", Identities: usual, Tags: []string{"all"},
			Vars: vars(1), KnownHosts: []string{in("inv/known")}, Sudo: "ask", Source: source + ":5"},
		{Name: "web2", Address: "2001:db8::2", Port: 22, User: "root", Identities: []string{"/abs"},
			Tags: []string{"db", "x"},
			Vars: map[string]any{"processes": 2.0, "threads": 5.0, "list": []any{"a", 2.0, true}, "empty": []any{},
				"on": false},
			HostKey: ed25519, KnownHosts: []string{in("k")}, Sudo: "none", Source: source},
		{Name: "192.0.2.13", Address: "192.0.2.13", Port: 2200, User: "other", Identities: usual, Tags: []string{"all"},
			Vars: vars(2), KnownHosts: []string{in("inv/known")}, Sudo: "ask", Source: source},
		{Name: "[::1]:2222", Address: "::1", Port: 2222, User: "deploy", Identities: usual, Tags: []string{"all"},
			Vars: vars(2), KnownHosts: []string{in("inv/known")}, Sudo: "ask", Source: source},
	}
	for i := range want {
		want[i].Source = got[i].Source // lines are in TestLines
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("host %d\n got %+v\nwant %+v", i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d hosts, want %d", len(got), len(want))
	}
}

// Vars of one host must not reach another through shared defaults.
func TestVarsAreNotShared(t *testing.T) {
	dir := files(t, map[string]string{"h.lua": `return { vars = { a = 1 }, "web1", "web2" }`})
	hosts := load(t, Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
	hosts[0].Vars["a"] = 2.0
	if hosts[1].Vars["a"] != 1.0 {
		t.Error("the hosts share their vars")
	}
}

func TestWrongHostsFiles(t *testing.T) {
	for _, c := range []struct{ lua, want, hint string }{
		{`return { { name = "web1", adress = "192.0.2.1" } }`,
			`h.lua:1: host 1 (web1): unknown option "adress" (did you mean "address"?)`, ""},
		{`return { usr = "deploy", "web1" }`, `h.lua: unknown option "usr" (did you mean "user"?)`, ""},
		{`return { name = "web1", address = "192.0.2.1" }`,
			`h.lua: name: belongs to one host and cannot be a default for all`,
			"write each host as a table of its own"},
		{`return { address = "192.0.2.1", "web1" }`,
			`h.lua: address: belongs to one host and cannot be a default for all`,
			"write each host as a table of its own"},
		{`return {}`, `h.lua: no hosts`, ""},
		{`return { user = "deploy" }`, `h.lua: no hosts`, ""},
		{``, `h.lua: want a table, got nil`, "write a hosts file like this: return {"},
		{`return "web1"`, `h.lua: want a table, got the string "web1"`, "write a hosts file like this: return {"},
		{`return { 3 }`, `h.lua:1: host 1: want a string, got the number 3`, "write a host as a table, or as a string"},
		{`return { { "web1" } }`, `h.lua:1: host 1: value without a key`, "write a host as {"},
		{`return { {} }`, `h.lua:1: host 1: missing name or address`, ""},
		{`return { { name = 1 } }`, `h.lua:1: host 1: name: want a string, got the number 1`, ""},
		{`return { { name = "" } }`, `h.lua:1: host 1: name: is empty`, ""},
		{`return { { name = "-oProxyCommand=x" } }`, `h.lua:1: host 1: name: "-oProxyCommand=x" begins with a dash`,
			""},
		{`return { { name = "web\n1" } }`, `h.lua:1: host 1: name: "web\n1" contains a control character`, ""},
		{`return { { name = "web\0271" } }`, `h.lua:1: host 1: name: "web\x1b1" contains a control character`, ""},
		{`return { { name = "web 1" } }`, `h.lua:1: host 1: name: "web 1" contains a space`, ""},
		{`return { { name = "\255" } }`, `h.lua:1: host 1: name: "\xff" is not UTF-8`, ""},
		{`return { { name = "web*", address = "a" } }`,
			`h.lua:1: host 1 (web*): name: "web*" contains '*', which is not allowed in a name`, ""},
		{`return { { name = "a", tags = { "web,eu" } } }`,
			`h.lua:1: host 1 (a): tags: item 1: "web,eu" contains a comma; write each tag as a text of its own`, ""},
		{`return { { name = "tag:x", address = "a" } }`,
			`h.lua:1: host 1 (tag:x): name: "tag:x" begins with "tag:", which selects tags in --only and --except`, ""},
		{`return { { name = "first one's" } }`, `h.lua:1: host 1: name: "first one's" contains a space`, ""},
		{`return { { name = "a$b" } }`,
			`h.lua:1: host 1 (a$b): name: "a$b" is not a host name or an IP address: it contains '$'`, "add address ="},
		{`return { "web1", { name = "web2", address = "-x" } }`,
			`h.lua:1: host 2 (web2): address: "-x" begins with a dash`, ""},
		{`return { { name = "web2", address = "deploy@192.0.2.1" } }`,
			`h.lua:1: host 1 (web2): address: "deploy@192.0.2.1" is not a host name or an IP address: it contains '@'`,
			"keys of their own"},
		{`return { { name = "web2", address = "192.0.2.1:22" } }`,
			`h.lua:1: host 1 (web2): address: "192.0.2.1:22" is not a host name or an IP address: it contains ':'`,
			"keys of their own"},
		{`return { { name = "web2", address = "a;reboot" } }`,
			`h.lua:1: host 1 (web2): address: "a;reboot" is not a host name or an IP address: it contains ';'`, ""},
		{`return { { name = "w", port = "22" } }`,
			`h.lua:1: host 1 (w): port: want a whole number, got the string "22"`, ""},
		{`return { { name = "w", port = 22.5 } }`, `h.lua:1: host 1 (w): port: want a whole number, got 22.5`, ""},
		{`return { { name = "w", port = 0 } }`, `h.lua:1: host 1 (w): port: want a number from 1 to 65535, got 0`, ""},
		{`return { port = 65536, "w" }`, `h.lua: port: want a number from 1 to 65535, got 65536`, ""},
		{`return { { name = "w", user = "-l" } }`, `h.lua:1: host 1 (w): user: "-l" begins with a dash`, ""},
		{`return { user = "a$(reboot)", "w" }`, `h.lua: user: "a$(reboot)" contains '$'`, ""},
		{`return { { name = "w", user = "a\nb" } }`, `h.lua:1: host 1 (w): user: "a\nb" contains a control character`,
			""},
		{`return { { name = "w", identity = {} } }`, `h.lua:1: host 1 (w): identity: empty list`, ""},
		{`return { { name = "w", identity = { 1 } } }`,
			`h.lua:1: host 1 (w): identity: item 1: want a string, got the number 1`, ""},
		{`return { { name = "w", identity = true } }`, `h.lua:1: host 1 (w): identity: want a string, got true`, ""},
		{`return { identity = "", "w" }`, `h.lua: identity: empty path`, ""},
		{`return { identity = "~nobody-here/key", "w" }`,
			`h.lua: identity: "~nobody-here/key": no user nobody-here on this machine`, ""},
		{`return { known_hosts = { "a" }, "w" }`, `h.lua: known_hosts: want a string, got a table`, ""},
		{`return { { name = "w", tags = "web" } }`,
			`h.lua:1: host 1 (w): tags: want a list of strings, such as { "a", "b" }, got the string "web"`, ""},
		{`return { { name = "w", tags = { "-x" } } }`, `h.lua:1: host 1 (w): tags: item 1: "-x" begins with a dash`,
			""},
		{`return { { name = "w", vars = { "x" } } }`,
			`h.lua:1: host 1 (w): vars: want names, such as { name = value }, got a list`, ""},
		{`return { { name = "w", vars = { f = function() end } } }`,
			`h.lua:1: host 1 (w): vars: f: want a string, a number, true, false or a list of these; ` +
				`or { VALUE, secret = true }`, ""},
		{`return { vars = { t = { "abc", secret = true } }, "w" }`,
			`h.lua: vars: t: a secret is a string of at least 4 bytes, or a list of such strings`, ""},
		{`return { vars = { t = { 12345, secret = true } }, "w" }`,
			`h.lua: vars: t: a secret is a string of at least 4 bytes, or a list of such strings`, ""},
		{`return { vars = { t = { "abcd", secret = 1 } }, "w" }`,
			`h.lua: vars: t: want a string, a number, true, false or a list of these; or { VALUE, secret = true }`, ""},
		{`return { vars = { t = { a = 1 } }, "w" }`,
			`h.lua: vars: t: want a string, a number, true, false or a list of these; or { VALUE, secret = true }`, ""},
		{`return { { name = "w", sudo = "always" } }`,
			`h.lua:1: host 1 (w): sudo: want one of none, passwordless, ask, got "always"`, ""},
		{`return { { name = "w", sudo = "password-less" } }`,
			`h.lua:1: host 1 (w): sudo: want one of none, passwordless, ask, got "password-less" ` +
				`(did you mean "passwordless"?)`, ""},
		{`return { { name = "w", host_key = "AAAA" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…"`, ""},
		{`return { { name = "w", host_key = "w ` + ed25519 + `" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…": ` +
				`"w" is not a key type that can be pinned (ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ` +
				`ecdsa-sha2-nistp521, ssh-rsa, sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com)`,
			"remove the host name"},
		{`return { { name = "w", host_key = "ssh-ed25519 AAA!" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…": ` +
				`invalid base64 after the type; was the line cut?`, ""},
		{`return { { name = "w", host_key = "` + ed25519[:60] + `" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…": ` +
				`invalid ssh-ed25519 key after the type; was the line cut?`, ""},
		{`return { { name = "w", host_key = "` + rsaType + `" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…": ` +
				`invalid ssh-rsa key after the type; was the line cut?`, ""},
		{`return { { name = "w", host_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…", got a private key`,
			".pub"},
		{`return { { name = "w", host_key = "` + ed25519 + `\n` + ed25519 + `" } }`,
			`h.lua:1: host 1 (w): host_key: want a public key line such as "ssh-ed25519 AAAA…", got several lines`, ""},
		{`return { { name = "w", jump = "" } }`, `h.lua:1: host 1 (w): jump: is empty`, ""},
		{`return { { name = "w", jump = "a,,b" } }`, `h.lua:1: host 1 (w): jump: missing host`, ""},
		{`return { { name = "w", jump = "root@b:ssh" } }`,
			`h.lua:1: host 1 (w): jump: port: want a number from 1 to 65535, got "ssh"`, ""},
		{`return { jump = { "a" }, "w" }`, `h.lua: jump: want a string, got a table`, ""},
		{`return { "w1", { name = "w1" } }`, `h.lua:1: host 2 (w1): duplicate name "w1", also used by host 1`,
			"its own name"},
		{`return { "a@w1", "b@w1" }`, `h.lua:1: host 2 (w1): duplicate name "w1", also used by host 1`, "its own name"},
		{`return { "user@" }`, `h.lua:1: host 1: missing address`, ""},
		{`return { "@web1" }`, `h.lua:1: host 1: user: is empty`, ""},
		{"return {\n  \"web1\",\n  -- }\n  { name = \"web2\",\n    port = -1 },\n}",
			`h.lua:4: host 2 (web2): port: want a number from 1 to 65535, got -1`, ""},
	} {
		t.Run(c.lua, func(t *testing.T) {
			dir := files(t, map[string]string{"h.lua": c.lua})
			_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
			refused(t, dir, err, c.want, c.hint)
			if strings.Contains(err.Error(), "BEGIN") {
				t.Error("the error repeats a private key")
			}
		})
	}
}

// Errors of Lua itself have a line.
func TestLuaErrorsHaveLines(t *testing.T) {
	for _, lua := range []string{"return {\n{ name = }\n}", "local x = 1\nerror('no')", "\nreturn hots",
		"\nreturn io.open('x')", "\nreturn os.getenv('HOME')"} {
		dir := files(t, map[string]string{"h.lua": lua})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
		if err == nil || !strings.HasPrefix(err.Error(), "h.lua:2:") {
			t.Errorf("%q: got %v, want an error at h.lua:2", lua, err)
		}
	}
}

func TestEndlessHostsFile(t *testing.T) {
	dir := files(t, map[string]string{"h.lua": `while true do end`})
	begun := time.Now()
	_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
	refused(t, dir, err, "h.lua: stopped after 1s", "endless loop")
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// An interrupt is not a mistake in the hosts file.
func TestInterruptedHostsFile(t *testing.T) {
	dir := files(t, map[string]string{"h.lua": `while true do end`})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, ""); !errors.Is(err,
		context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func FuzzHostsFile(f *testing.F) {
	for _, s := range []string{`return { "web1" }`, `return { user = "x", { name = "a", vars = { x = { 1 } } } }`,
		`return { { name = "a", jump = "b,c", host_key = "` + ed25519 + `" } }`, `return { nil, 1, {}, [5] = "x" }`,
		`return setmetatable({}, {})`, "while true do end"} {
		f.Add(s)
	}
	me := sshconfig.Machine{Dir: "/", Home: "/home/x", User: "x"}
	f.Fuzz(func(t *testing.T, lua string) {
		l, err := parseLua(t.Context(), me, "h.lua", "/", []byte(lua))
		if err == nil {
			safe(t, l)
		}
	})
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		lua   string
		count int
		want  []int
	}{
		{"return {\n  user = 'x',\n  'a',\n  { name = 'b',\n    tags = { 'x', 'y' } },\n\n  'c' }", 3, []int{3, 4, 7}},
		{"-- return {\n--[[ { \n ]] return { -- }\n 'a', [[\n}]],\n [=[ ]] ]=]; web(1, 2), ['k'] = 1,\n x == y }", 5,
			[]int{4, 4, 6, 6, 7}},
		{"local function f()\n return { 'x', 'y' }\nend\nreturn {\n f(),\n 'a\\'{' }", 2, []int{5, 6}},
		{"local t = {}\nfor i = 1, 3 do t[i] = 'w' .. i end\nreturn t", 3, nil},
		{"return {\n unpack{ 'a', 'b' } }", 2, nil},
		{"", 1, nil},
		{"return { '", 1, nil},
	} {
		if got := itemLines(c.lua, c.count); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.lua, got, c.want)
		}
	}
}
