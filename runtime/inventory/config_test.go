package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

// one loads a list with one host.
func one(t *testing.T, o Options) Host {
	t.Helper()
	hosts := load(t, o, "")
	if len(hosts) != 1 {
		t.Fatalf("%d hosts, want 1", len(hosts))
	}
	return hosts[0]
}

func TestSSHConfigIsApplied(t *testing.T) {
	dir := files(t, map[string]string{
		".ssh/config": `
			Host web1
				HostName %h.Example.COM
				User deploy
				Port=2222
				IdentityFile ~/.ssh/%r@%h
				IdentityFile "%d/with space"
				CertificateFile %d/cert%%
				IdentitiesOnly yes
				IdentityAgent ${AGENT_DIR}/%n.sock
				UserKnownHostsFile ~/.ssh/k1 %d/k%p
				GlobalKnownHostsFile none
				HostKeyAlias alias-%%
				ServerAliveInterval 5
			Host *
				User other
				Port 1
				IdentityFile ~/.ssh/last
			Include conf.d/*`,
		".ssh/conf.d/a": "Host web2\n HostName 192.0.2.12\n",
	})
	t.Setenv("AGENT_DIR", "/run/agents")
	in := func(name string) string { return filepath.Join(dir, name) }
	h := one(t, Options{Hosts: []string{"web1"}, Dir: dir})
	want := Host{Name: "web1", Address: "web1.example.com", Port: 2222, User: "deploy",
		Identities:     []string{in(".ssh/deploy@web1.example.com"), in("with space"), in(".ssh/last")},
		IdentitiesOnly: true, Certificates: []string{in("cert%")}, IdentityAgent: "/run/agents/web1.sock",
		Vars: map[string]any{}, KnownHosts: []string{in(".ssh/k1"), in("k2222")}, HostKeyAlias: "alias-%%",
		AliveInterval: 5 * time.Second, Source: "--hosts"}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("\n got %+v\nwant %+v", h, want)
	}
	if h := one(t, Options{Hosts: []string{"web2"}, Dir: dir}); h.Address != "192.0.2.12" || h.User != "other" ||
		h.Port != 1 {
		t.Errorf("got %+v", h)
	}
}

// TestPrecedence: hosts file and command line, then ssh_config, then the defaults.
func TestPrecedence(t *testing.T) {
	dir := files(t, map[string]string{
		"h.lua": `return { { name = "a", user = "file", port = 2, identity = "/file", known_hosts = "/fileknown", ` +
			`jump = "filejump" }, "b" }`,
		"jumps": "Host confjump filejump\n ProxyJump none\n" +
			"Host *\n User conf\n Port 1\n IdentityFile /conf\n UserKnownHostsFile /confknown\n ProxyJump confjump\n",
	})
	say := func(h Host) string {
		via := ""
		if h.Via != nil {
			via = h.Via.Name
		}
		return strings.Join([]string{h.User, strings.Join(h.Identities, "+"), strings.Join(h.KnownHosts, "+"), via},
			" ")
	}
	hosts := load(t, Options{Hosts: []string{"h.lua"}, Dir: dir, SSHConfig: "jumps"}, "")
	if got, want := say(hosts[0]), "file /file /fileknown filejump"; got != want || hosts[0].Port != 2 {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := say(hosts[1]),
		"conf /conf /confknown+/etc/ssh/ssh_known_hosts+/etc/ssh/ssh_known_hosts2 confjump"; got != want ||
		hosts[1].Port != 1 {
		t.Errorf("got %s, want %s", got, want)
	}
	hosts = load(t, Options{Hosts: []string{"h.lua"}, Dir: dir, SSHConfig: "jumps", Identities: []string{"/opt", "rel"},
		KnownHosts: []string{"~/optknown"}}, "")
	for _, h := range hosts {
		if got, want := say(h), h.User+" /opt+"+filepath.Join(dir, "rel")+" "+filepath.Join(dir,
			"optknown")+" "+h.Via.Name; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	h := one(t, Options{Hosts: []string{"web1"}, Dir: dir, SSHConfig: "none"})
	if h.Port != 22 || h.Identities != nil || h.KnownHosts[0] != filepath.Join(dir, ".ssh/known_hosts") {
		t.Errorf("defaults: got %+v", h)
	}
}

func TestNone(t *testing.T) {
	dir := files(t, map[string]string{".ssh/config": "IdentityFile none\nIdentityAgent none\n" +
		"UserKnownHostsFile none\nProxyCommand none\nProxyJump bastion\nCanonicalizeHostname no\nAddressFamily any"})
	h := one(t, Options{Hosts: []string{"web1"}, Dir: dir})
	if h.Identities == nil || len(h.Identities) != 0 || h.IdentityAgent != "none" ||
		h.KnownHosts[0] != "/etc/ssh/ssh_known_hosts" || h.Via != nil {
		t.Errorf("got %+v", h)
	}
}

func TestIdentityAgent(t *testing.T) {
	t.Setenv("MY_AGENT", "/run/mine")
	for said, want := range map[string]string{"SSH_AUTH_SOCK": "", "$MY_AGENT": "/run/mine", "~/x": "DIR/x",
		"NONE": "none"} {
		dir := files(t, map[string]string{".ssh/config": "IdentityAgent " + said})
		if h := one(t, Options{Hosts: []string{"web1"}, Dir: dir}); h.IdentityAgent != strings.Replace(want, "DIR", dir,
			1) {
			t.Errorf("%s: got %q, want %q", said, h.IdentityAgent, want)
		}
	}
}

func TestWrongConfigs(t *testing.T) {
	const host = "host web1: .ssh/config:"
	for _, c := range []struct{ config, want, hint string }{
		{"ProxyCommand nc %d", host + "1: ProxyCommand: %d is not supported here", ""},
		{"ProxyUseFdpass yes\nProxyCommand nc", host + "1: ProxyUseFdpass is not supported", sshconfig.UseOtherConfig},
		{"BindAddress 192.0.2.1", host + "1: BindAddress is not supported", sshconfig.UseOtherConfig},
		{"BindInterface eth1", host + "1: BindInterface is not supported", sshconfig.UseOtherConfig},
		{"AddressFamily inet5", "host web1: .ssh/config:1: AddressFamily: want any, inet, inet6, got \"inet5\"", ""},
		{"CanonicalizeHostname maybe",
			"host web1: .ssh/config:1: CanonicalizeHostname: want yes, no, always, true, false, got \"maybe\"", ""},
		{"PKCS11Provider /lib/p.so", host + "1: PKCS11Provider is not supported", sshconfig.UseOtherConfig},
		{"SecurityKeyProvider /lib/p.so", host + "1: SecurityKeyProvider is not supported", sshconfig.UseOtherConfig},
		{"KnownHostsCommand /bin/x %H", host + "1: KnownHostsCommand is not supported", sshconfig.UseOtherConfig},
		{"RevokedHostKeys /x", host + "1: RevokedHostKeys is not supported", sshconfig.UseOtherConfig},
		{"Match exec \"kill -9 $$\"\nUser x", host + "1: Match exec \"kill -9 $$\": signal: killed",
			sshconfig.UseOtherConfig},
		{"Match exec \"test %x\"\nUser x", "host web1: .ssh/config:1: Match: exec: %x is not supported here", ""},
		{"Match version x\nUser x", host + "1: Match version is not supported", sshconfig.UseOtherConfig},
		{"Match localnetwork here\nUser x",
			"host web1: .ssh/config:1: Match: localnetwork: want a network such as 192.0.2.0/24, got \"here\"", ""},
		{"Match all host web1", "host web1: .ssh/config:1: Match: all allows no other criterion, except one before it",
			""},
		{"Match host", "host web1: .ssh/config:1: Match: host: missing value", ""},
		{"Usr deploy", host + `1: unknown directive Usr (did you mean "User"?)`, "IgnoreUnknown Usr"},
		{"User", ".ssh/config:1: User: missing value", ""},
		{"= x", ".ssh/config:1: missing directive before the =", ""},
		{"User \"a", ".ssh/config:1: User: unclosed quote", ""},
		{"User a b", host + "1: User: want one value, got 2; quote a value that contains a space", ""},
		{"User -oX", host + `1: User: "-oX" begins with a dash`, ""},
		{"Port ssh", host + `1: Port: want a number from 1 to 65535, got "ssh"`, ""},
		{"Port 0", host + `1: Port: want a number from 1 to 65535, got "0"`, ""},
		{"ServerAliveInterval often", host + `1: ServerAliveInterval: want a time such as 30 or 1m30s, got "often"`,
			""},
		{"ServerAliveCountMax few", host + `1: ServerAliveCountMax: want a number, got "few"`, ""},
		{"HostName %p", host + "1: HostName: %p is not supported here", ""},
		{"HostName a;b", host + `1: HostName: "a;b" is not a host name or an IP address: it contains ';'`, ""},
		{"HostName -x", host + `1: HostName: "-x" begins with a dash`, ""},
		{"IdentityFile ~/%T", host + "1: IdentityFile: %T is not supported here", ""},
		{"IdentityFile ~nobody-here/x", host +
			"1: IdentityFile: \"~nobody-here/x\": no user nobody-here on this machine", ""},
		{"IdentityFile 50%", host + "1: IdentityFile: incomplete % at the end; write %% for a percent sign", ""},
		{"IdentityFile ${NOT_SET_HERE}/x", host + "1: IdentityFile: environment variable NOT_SET_HERE is not set", ""},
		{"IdentityFile ${X", host + "1: IdentityFile: ${ without }", ""},
		{"IdentityFile my key", host + "1: IdentityFile: want one value, got 2; quote a value that contains a space",
			""},
		{"IdentitiesOnly maybe", host + `1: IdentitiesOnly: want yes or no, got "maybe"`, ""},
		{"ProxyJump a:x", host + `1: ProxyJump: port: want a number from 1 to 65535, got "x"`, ""},
		{"ProxyJump web1", "host web1: jump web1: jump hosts form a loop: web1 → web1", ""},
		{"ProxyJump x%h", "host web1: ", ""}, // its text is long: see below
		{"Include config", "host web1: .ssh/config:1: Include: " +
			"files include each other more than 16 deep: does one include itself?", ""},
	} {
		t.Run(c.config, func(t *testing.T) {
			dir := files(t, map[string]string{".ssh/config": c.config + "\n"})
			_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"web1"}, Dir: dir}, "")
			if c.config == "ProxyJump x%h" {
				if err == nil || !strings.Contains(err.Error(), "more than 15 jump hosts: web1 → xweb1 → xxweb1") {
					t.Errorf("got %v", err)
				}
				return
			}
			refused(t, dir, err, c.want, c.hint)
		})
	}
}

// An unsupported directive is an error only for the hosts it applies to.
func TestOnlyWhatAppliesIsRefused(t *testing.T) {
	dir := files(t, map[string]string{".ssh/config": `
		Host other
			ProxyCommand nc %h %p
			Nonsense yes
		Match host other exec "true"
			User x
		Match originalhost w* !user root,deploy exec "true"
			User y
		Host jumped
			ProxyJump bastion
		Host *
			IgnoreUnknown Fancy*,x
			FancyThing yes
		Host jumped
			ProxyCommand nc`,
		"h.lua": `return { { name = "other", jump = "bastion" } }`})
	one(t, Options{Hosts: []string{"deploy@web1"}, Dir: dir})
	one(t, Options{Hosts: []string{"web1,other"}, Only: []string{"web1"}, Dir: dir, SSHConfig: "none"})
	if h := one(t, Options{Hosts: []string{"jumped"},
		Dir: dir}); h.Via == nil { // the first of ProxyJump and ProxyCommand counts
		t.Errorf("got %+v", h)
	}
	_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
	if err == nil || !strings.Contains(err.Error(),
		"Nonsense") { // its own jump replaces only ProxyCommand
		t.Errorf("got %v", err)
	}
}

func TestConfigFiles(t *testing.T) {
	dir := files(t, map[string]string{"conf": "User fromconf\nInclude " + "/nowhere/*",
		"h.lua":  `return { { name = "a", jump = "b" } }`,
		"jumped": "Host a\n ProxyCommand nc\n"})
	if h := one(t, Options{Hosts: []string{"web1"}, Dir: dir}); h.User == "fromconf" {
		t.Errorf("got %+v", h)
	}
	if h := one(t, Options{Hosts: []string{"web1"}, Dir: dir, SSHConfig: "conf"}); h.User != "fromconf" {
		t.Errorf("got %+v", h)
	}
	if h := one(t, Options{Hosts: []string{"h.lua"}, Dir: dir, SSHConfig: "jumped"}); h.Via == nil {
		t.Errorf("got %+v", h)
	}
	_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"web1"}, Dir: dir, SSHConfig: "~/gone"}, "")
	refused(t, dir, err, "--ssh-config ~/gone: no such file", "")
	_, err = Load(t.Context(), event.NewStream(), Options{Hosts: []string{"web1"}, Dir: dir, SSHConfig: "."}, "")
	if err == nil {
		t.Error("a folder was taken for ssh_config")
	}
}

// Limits and unusual forms of ssh_config.
func TestEdges(t *testing.T) {
	dir := files(t, map[string]string{"config": "Host a\n  HostKeyAlias ka\n  ServerAliveInterval 0\n" +
		"Host b\n  ServerAliveInterval 1m30s\n  ServerAliveCountMax 0\n" +
		"Host c\n  ServerAliveInterval none\n  ServerAliveCountMax 7\nHost *\n  UserKnownHostsFile /known/%k\n"})
	var got []string
	for _, h := range load(t, Options{Hosts: []string{"a:1,b:65535,c"}, SSHConfig: "config", Dir: dir}, "") {
		got = append(got, fmt.Sprint(h.Address, " ", h.Port, " ", h.KnownHosts[0], " ", int64(h.AliveInterval), " ",
			h.AliveCount))
	}
	if want := "a 1 /known/ka -1 0|b 65535 /known/b 90000000000 1|c 22 /known/c -1 7"; strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
	hosts := files(t, map[string]string{"h.lua": `return { { name = "a", port = 1 }, { name = "b", port = 65535 } }`})
	if all := load(t, Options{Hosts: []string{"h.lua"}, SSHConfig: "none", Dir: hosts}, ""); all[0].Port != 1 ||
		all[1].Port != 65535 {
		t.Errorf("%+v", all)
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{"Host a*\n User x\n", "Match host a,!b user x\nPort 1", "Include x y",
		"IdentityFile \"a\\\"b\" # c", "ProxyJump a,b", "\"User\" = x",
		"Host *\nHostName %h.x\nProxyJump %h", "IgnoreUnknown *\nX y"} {
		f.Add(s, "web1")
	}
	f.Fuzz(func(t *testing.T, text, host string) {
		l, err := parseCommas(host)
		if err != nil {
			return
		}
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ".ssh", "x"), []byte(text),
			0o600); err != nil { // it can include itself
			t.Fatal(err)
		}
		me := sshconfig.Machine{Dir: "/", Home: dir, User: "x", Hostname: "here",
			Getenv: func(string) string { return "v" }}
		c, err := sshconfig.Open(sshconfig.Options{Machine: me, File: filepath.Join(dir, ".ssh", "x"), Offline: true})
		if err != nil {
			return
		}
		r := resolver{ctx: t.Context(), me: me, list: l, config: c, done: map[string]*Host{}}
		for _, e := range l.entries {
			h, err := r.resolve(e, nil)
			for ; err == nil && h != nil; h = h.Via {
				safe(t, list{entries: []entry{{name: h.Name, address: h.Address, user: h.User, port: h.Port}}})
				if h.Port == 0 || h.User == "" {
					t.Errorf("not reachable: %+v", h)
				}
			}
		}
	})
}
