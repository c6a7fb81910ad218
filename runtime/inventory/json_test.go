package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

func TestJSON(t *testing.T) {
	dir := files(t, map[string]string{
		"h.json": `{"user": "deploy", "hosts": [
			{"name": "web1", "address": "192.0.2.11", "identity": ["k1", "k2"], "tags": ["web"], ` +
			`"vars": {"processes": 4, "on": true}},
			"admin@web2:2222"]}`,
		"db.lua":  `return { user = "dba", jump = "bastion", "db1" }`,
		"mod.txt": "web3\n",
		"plain":   "web4\n",
	})
	if err := os.Chmod(filepath.Join(dir, "mod.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o755); err != nil { // as on a disk that knows no permissions
		t.Fatal(err)
	}
	program(t, dir, "inventory", `echo asked >&2; cat h.json`)
	hosts := load(t, Options{Hosts: []string{"h.json"}, Dir: dir, SSHConfig: "none"}, "")
	web1, web2 := hosts[0], hosts[1]
	if web1.User != "deploy" || web1.Address != "192.0.2.11" ||
		strings.Join(web1.Identities, " ") != dir+"/k1 "+dir+"/k2" ||
		web1.Vars["processes"] != 4.0 || web1.Vars["on"] != true || web1.Tags[0] != "web" {
		t.Errorf("got %+v", web1)
	}
	if web2.Name != "web2:2222" || web2.User != "admin" || web2.Port != 2222 {
		t.Errorf("got %+v", web2)
	}
	var got []string
	all := load(t, Options{Hosts: []string{"inventory", "db.lua", "mod.txt", "plain", "a,b"}, Dir: dir,
		SSHConfig: "none"}, "")
	for _, h := range all {
		got = append(got, h.Name)
	}
	if want := "web1 web2:2222 db1 web3 web4 a b"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if db1 := all[2]; db1.Via == nil || db1.Via.User != "dba" || all[0].Via != nil {
		t.Errorf("the jump host of db1 is %+v, that of web1 %+v", db1.Via, all[0].Via)
	}
}

// program writes a shell script that prints hosts.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestJSONRefused(t *testing.T) {
	const hint = "hosts in JSON look like "
	for text, c := range map[string]struct{ want, hint string }{
		`{"hosts": [{"name": "a", "adress": "b"}]}`: {
			`h.json: host 1 (a): unknown option "adress" (did you mean "address"?)`, ""},
		`{"hosts": ["a", {"name": "b", "user": null}]}`: {"h.json:1: invalid JSON: null: leave the key out instead",
			hint},
		"{\"hosts\": [\n\"a\",\n]}": {"h.json:3: invalid JSON: invalid character ']' looking for beginning of value",
			hint},
		`{"hosts": ["a"]} x`: {"h.json:1: invalid JSON: trailing data after the JSON value",
			hint},
		`{"hosts": ["a"], "hosts": ["b"]}`: {`h.json:1: invalid JSON: the key "hosts" appears twice`,
			hint},
		`{"hosts": ["a"`:       {"h.json:1: invalid JSON: unexpected EOF", hint},
		`["a"]`:                {`h.json: missing "hosts", a list`, hint},
		`{"hosts": {"a": {}}}`: {`h.json: missing "hosts", a list`, hint},
		`{"hosts": []}`:        {"h.json: no hosts", ""},
		strings.Repeat("[", 500000): {"h.json:1: invalid JSON: too many values inside each other",
			hint},
	} {
		dir := files(t, map[string]string{"h.json": text})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.json"}, Dir: dir, SSHConfig: "none"},
			"")
		refused(t, dir, err, c.want, c.hint)
	}
}

func TestProgramRefused(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "fails", "echo no login to the cloud >&2; exit 3")
	program(t, dir, "talks", "echo web1")
	program(t, dir, "floods", "head -c 2000000 /dev/zero")
	for name, c := range map[string]struct{ want, hint string }{
		"fails": {"hosts of the program fails: exit status 3: no login to the cloud",
			"try it in a shell: it must print JSON like "},
		"talks": {"talks:1: invalid JSON: invalid character 'w' looking for beginning of value",
			"hosts in JSON look like "},
		"floods": {"hosts of the program floods: DIR/floods printed more than 1 MiB", "try it in a shell"},
	} {
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{name}, Dir: dir, SSHConfig: "none"}, "")
		refused(t, dir, err, c.want, c.hint)
	}
	_, err := Load(t.Context(), event.NewStream(),
		Options{Hosts: []string{"talks"}, Dir: dir, SSHConfig: "none", Offline: true}, "")
	refused(t, dir, err, "talks is a program that prints hosts; here no program is run", "")
	_, err = Load(t.Context(), event.NewStream(), Options{Hosts: []string{"a,b", "b"}, Dir: dir, SSHConfig: "none"}, "")
	refused(t, dir, err, `--hosts: host 1: duplicate name "b", also used by --hosts: host 2`,
		"give every host its own name")
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"hosts": ["a"]}`,
		`{"user": "x", "hosts": [{"name": "a", "vars": {"x": [1, "y", true]}}]}`, `[[[`, `{"hosts": [null]}`} {
		f.Add(s)
	}
	me := sshconfig.Machine{Dir: "/", Home: "/home/x", User: "x"}
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := parseJSON(me, "h.json", "/", []byte(text)); err == nil {
			safe(t, l)
		}
	})
}
