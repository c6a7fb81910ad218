package inventory

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

func TestTextFile(t *testing.T) {
	dir := files(t, map[string]string{"hosts.txt": "\ufeff# servers\r\n\r\nweb1 #the first\r\n" +
		"  deploy@192.0.2.12:2222\t# second\n\n[2001:db8::3]\nroot@[2001:db8::4]:23\n"})
	me, err := thisMachine(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range load(t, Options{Hosts: []string{"hosts.txt"}, Dir: dir, SSHConfig: "none"}, "") {
		got = append(got, fmt.Sprintf("%s %s %s %d %s", h.Name, h.User, h.Address, h.Port, h.Source))
	}
	want := []string{"web1 " + me.User + " web1 22 hosts.txt:3", "192.0.2.12:2222 deploy 192.0.2.12 2222 hosts.txt:4",
		"2001:db8::3 " + me.User + " 2001:db8::3 22 hosts.txt:6", "[2001:db8::4]:23 root 2001:db8::4 23 hosts.txt:7"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCommas(t *testing.T) {
	dir := files(t, nil)
	hosts := load(t, Options{Hosts: []string{"web1, deploy@web2:23,[::1]"}, Dir: dir}, "")
	var got []string
	for _, h := range hosts {
		got = append(got, fmt.Sprintf("%s %s %d %s", h.Name, h.Address, h.Port, h.Source))
	}
	if want := "web1 web1 22 --hosts|web2:23 web2 23 --hosts|::1 ::1 22 --hosts"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
	if one := load(t, Options{Hosts: []string{"web1"}, Dir: dir}, ""); len(one) != 1 || one[0].Name != "web1" {
		t.Errorf("got %v, want web1", one)
	}
}

func TestWrongLists(t *testing.T) {
	for _, c := range []struct{ text, want, hint string }{
		{"", "h: no hosts", ""},
		{"# nothing\n\n", "h: no hosts", ""},
		{"web1\nweb2 web3", `h:2: "web2 web3" contains a space`, "one [user@]host[:port] per line"},
		{"web1,web2", `h:1: "web1,web2" is not a host name or an IP address: it contains ','`,
			"one [user@]host[:port] per line"},
		{"web1:0", `h:1: port: want a number from 1 to 65535, got "0"`, ""},
		{"web1:70000", `h:1: port: want a number from 1 to 65535, got "70000"`, ""},
		{"web1:", `h:1: port: want a number from 1 to 65535, got ""`, ""},
		{"web1:+22", `h:1: port: want a number from 1 to 65535, got "+22"`, ""},
		{"web1:ssh", `h:1: port: want a number from 1 to 65535, got "ssh"`, ""},
		{"2001:db8::1", `h:1: "2001:db8::1" has more than one colon`, "in brackets"},
		{"[2001:db8::1", `h:1: "[2001:db8::1" has no closing bracket`, ""},
		{"[2001:db8::1]22", `h:1: "[2001:db8::1]22": only :PORT may follow the closing bracket`, ""},
		{"[web1]", `h:1: "web1" is not an IPv6 address; only these are written in brackets`, ""},
		{"[192.0.2.1]", `h:1: "192.0.2.1" is not an IPv6 address; only these are written in brackets`, ""},
		{"-oProxyCommand=x", `h:1: "-oProxyCommand=x" begins with a dash`, "one [user@]host[:port] per line"},
		{"x@-web1", `h:1: "-web1" begins with a dash`, ""},
		{"a\x1b[31mb", `h:1: "a\x1b[31mb" contains a control character`, ""},
		{"a\u202eb", `h:1: "a\u202eb" contains a control character`, ""},
		{"`id`@web1", "h:1: user: \"`id`\" contains '`'", ""},
		{`dom\@web1`, `h:1: user: "dom\\" ends with a backslash`, ""},
		{"[fe80::1%a;b]", `h:1: "fe80::1%a;b" is not a host name or an IP address: it contains ';'`, ""},
		{"ssh://web1", `h:1: port: want a number from 1 to 65535, got "//web1"`, ""},
		{"web1\nweb2\nroot@web1", `h:3: duplicate name "web1", also used by line 1`, "its own name"},
		{strings.Repeat("a", 254), `h:1: "aaaaaaaaaaaaaaaaaaaa"… is too long for a host name`, ""},
		{`return { "web1" }`, `h:1: "return { \"web1\" }" contains a space`, ".lua hosts file"},
	} {
		t.Run(c.text, func(t *testing.T) {
			dir := files(t, map[string]string{"h": c.text})
			_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h"}, Dir: dir}, "")
			refused(t, dir, err, c.want, c.hint)
		})
	}
	for text, want := range map[string]string{
		"web1,":          "--hosts: host 2: missing host",
		"web1,,web2":     "--hosts: host 2: missing host",
		"web1,web1":      `--hosts: host 2: duplicate name "web1", also used by host 1`,
		"web1,web2:x":    `--hosts: host 2: port: want a number from 1 to 65535, got "x"`,
		"web1,a b":       `--hosts: host 2: "a b" contains a space`,
		"web1\nweb2":     `--hosts: "web1\nweb2" contains a control character`,
		"nothere.lua":    "--hosts nothere.lua: no such file",
		"some/where":     "--hosts some/where: no such file",
		"~x/hosts.lua":   `--hosts: "~x/hosts.lua": no user x on this machine`,
		"~/nothere.hsts": "--hosts ~/nothere.hsts: no such file",
		".":              "--hosts .: is a folder",
	} {
		dir := files(t, nil)
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{text}, Dir: dir}, "")
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestAnsible verifies that the error identifies an Ansible inventory, and that the hint shows its
// first host as Lua.
func TestAnsible(t *testing.T) {
	for _, c := range []struct{ text, host string }{
		{"[web]\nweb1 ansible_host=192.0.2.11 ansible_user=deploy ansible_port=2222\nweb2\n",
			`{ name = "web1", address = "192.0.2.11", port = 2222, user = "deploy", tags = { "web" } }`},
		{"# all\nweb1\n[db:vars]\nx=1\n[db]\ndb1", `{ name = "web1" }`},
		{"[all:vars]\nansible_user=deploy\n\n[db_servers] ; two\n" +
			"db1 ansible_ssh_private_key_file='~/.ssh/key' # first\n",
			`{ name = "db1", identity = "~/.ssh/key", tags = { "db_servers" } }`},
		{"web1 ansible_host=192.0.2.11", `{ name = "web1", address = "192.0.2.11" }`},
		{"[web]\nweb[01:50].example.com\n",
			`{ name = "web1", address = "192.0.2.11", user = "deploy", tags = { "web" } }`},
		{"[web]\nx\"y ansible_user=a\n",
			`{ name = "web1", address = "192.0.2.11", user = "deploy", tags = { "web" } }`},
		{"---\nall:\n  children:\n    web:\n      hosts:\n        web1:\n          ansible_host: 192.0.2.11 \n" +
			"          ansible_port: 2222\n        web2:\n          ansible_host: 192.0.2.12\n",
			`{ name = "web1", address = "192.0.2.11", port = 2222, tags = { "web" } }`},
		{"all:\n  hosts:\n    \"web1\":\n    web2:\n      ansible_user: x\n  vars:\n    ansible_user: deploy\n",
			`{ name = "web1" }`},
		{"all:\n  vars:\n    ansible_user: deploy\n",
			`{ name = "web1", address = "192.0.2.11", user = "deploy", tags = { "web" } }`},
	} {
		dir := files(t, map[string]string{"inventory": c.text})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"inventory"}, Dir: dir}, "")
		refused(t, dir, err, "inventory is an inventory of Ansible, which runbook cannot read",
			"write the hosts into a file that ends in .lua, groups as tags: return { "+c.host+", … }")
		if _, err := parseLua(t.Context(), sshconfig.Machine{}, "h.lua", "/",
			[]byte("return { "+c.host+" }")); err != nil {
			t.Errorf("%s: %v", c.host, err)
		}
	}
	dir := files(t, nil)
	for _, name := range []string{"inventory.ini", "hosts.yml", "hosts.yaml"} {
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{name}, Dir: dir}, "")
		refused(t, dir, err, "--hosts "+name+": no such file", "")
	}
}

func TestEndlessFile(t *testing.T) {
	dir := files(t, map[string]string{"h": strings.Repeat("#\n", 1<<20)})
	_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h"}, Dir: dir}, "")
	refused(t, dir, err, "DIR/h is larger than 1048576 bytes, the limit for such a file", "")
}

func FuzzList(f *testing.F) {
	for _, s := range []string{"web1", "a@b:1,[::1]:2", "# x\nweb1 # y\r\n", "[fe80::1%eth0]:22", "[fe80::1%\"0]",
		"@:,", "[]", "a@@b", "-x", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := parseText("h", []byte(text)); err == nil {
			safe(t, l)
		}
		l, err := parseCommas(text)
		if err != nil {
			return
		}
		safe(t, l)
		for _, e := range l.entries { // a name that is shown can be parsed as the same host
			again, err := parseEntry(bracketed(e))
			if err != nil || again.address != e.address || again.port != e.port {
				t.Errorf("%q is read again as %+v, %v", e.name, again, err)
			}
		}
	})
}

func bracketed(e entry) string {
	if e.port == 0 && strings.Contains(e.address, ":") {
		return "[" + e.address + "]"
	}
	return e.name
}

// safe checks that nothing in an accepted host can pass for an option or break a line.
func safe(t *testing.T, l list) {
	t.Helper()
	for _, e := range l.entries {
		for _, s := range []string{e.name, e.address, e.user} {
			if strings.HasPrefix(s, "-") || strings.ContainsAny(s, " \t\r\n\x00\x1b") {
				t.Errorf("accepted %q", s)
			}
		}
		if e.name == "" || e.address == "" || strings.ContainsAny(e.address, ";&|$`'\"\\/<>(){}@,") {
			t.Errorf("accepted %+v", e)
		}
		if e.port < 0 || e.port > 65535 {
			t.Errorf("accepted port %d", e.port)
		}
	}
}
