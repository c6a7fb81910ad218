package inventory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/inventory/sshconfig"
)

func compare(t *testing.T, file, host string, defaults map[string]string) {
	t.Helper()
	want := sshG(t, "-F", file, host)
	me, err := thisMachine("")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	c, err := openConfig(Options{SSHConfig: file}, me)
	if err == nil {
		got, err = weSay(t.Context(), me, c, host, defaults)
	}
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if (want == nil) != (err != nil) {
		t.Errorf("host %s: ssh says %v, we say %v %v, to\n%s", host, want, got, err, text)
		return
	}
	if want == nil {
		return
	}
	for _, key := range compared() {
		if got[key] != want[key] {
			t.Errorf("host %s: %s: ssh says %q, we say %q, to\n%s", host, key, want[key], got[key], text)
		}
	}
}

// weSay returns the settings that this package reads from a file, as ssh -G writes them. Jump hosts
// are not resolved.
func weSay(
	ctx context.Context, me sshconfig.Machine, c *sshconfig.Reader, host string, defaults map[string]string,
) (map[string]string, error) {
	v, err := c.Lookup(ctx, host, sshconfig.Given{})
	if err != nil {
		return nil, err
	}
	h := &Host{}
	r := resolver{ctx: ctx, me: me, config: c}
	if err := r.setTarget(v, h); err != nil {
		return nil, err
	}
	tokens := v.Tokens(sshconfig.Login{Host: h.Address, User: h.User, Port: h.Port, Alias: h.HostKeyAlias})
	if err := errors.Join(setFiles(credentials{me, v, tokens}, h, entry{}, Options{}),
		setKeepalives(v, h)); err != nil {
		return nil, err
	}
	return asSSH(h, v, defaults), nil
}

// TestLikeOpenSSH compares the parser of ssh_config with OpenSSH's, on written and random cases.
func TestLikeOpenSSH(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("inc one", "User included\n")
	write("inc2", "Host web*\nPort 77\nHost *\nIdentityFile /inc2\n")
	// Files that Include finds: hidden ones and folders are left out, links are followed; others
	// are an error.
	for name, text := range map[string]string{"d/.hidden": "User hidden\n", "d/10": "Port 10\n",
		"d/20": "User twenty\nPort 20\n", "d/folder/file": "User below\n",
		"open/1": "Port 1\n", "group/1": "Port 1\n", "dangling/1": "Port 1\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(name, text)
	}
	for _, err := range []error{os.Symlink(filepath.Join(dir, "d/20"), filepath.Join(dir, "d/00")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling/2")),
		os.Chmod(filepath.Join(dir, "open/1"), 0o606), os.Chmod(filepath.Join(dir, "group/1"), 0o660)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defaults := sshG(t, "-F", write("empty", ""), "localhost")
	delete(defaults, "hostname")
	for _, text := range []string{
		"Host web?\n User one", "Host web1?\n User one", "Host w*b*1*\n User one", "Host \"web1\"\n User q",
		"Host web1\tweb2\n User tab", "Host *,web1\n User comma", "Host !web1 *\n User neg",
		"Host !web1\n User neg",
		"IdentityFile /k#1\nIdentityFile /k2 # comment\nIdentityFile '/a b' #c", "IdentityFile \"/a\\\"b\\\\c\"",
		"IdentityFile /a\\ b", "IdentityFile /a\\b", "User=x", "User = x", "User =x", "User ==x", "User\t=\tx",
		"\"User\" x", "User \"\"", "User x y", "User 'x", "User", "Usr x", "  \t# c\n  User x  \t",
		"User x\r\nPort 3\r\n", "User x\f", "uSeR x",
		"Host web1\n HostName real.example\nMatch host real.example\n User r\nMatch host web1\n Port 5",
		"Match originalhost web1\n User o\nMatch host WEB1,x\n Port 6", "Match all\n User a",
		"Match all host web1\n User a", "Match !host web1\n User a\nMatch !host web2\n User b",
		"Match user root\n User b", "User z\nMatch user z\n Port 8", "Match localuser root,nobody\n Port 8",
		"Match host *,!web1\n User m", "Match host=web1\n User m", "Match host\n User m", "Match\n User m",
		"Host web2\n ProxyCommand nc %h\n BindAddress ::1",
		"Include DIR/d/*", "Include DIR/d/.*", "Include DIR/d/[!1]0 DIR/d/1?", "Include DIR/d/.hid*", "Include DIR/d",
		"Include DIR/*/1*", "Include DIR/open/*", "Include DIR/group/*", "Include DIR/dangling/*",
		"Include DIR/dangling/2",
		"Include DIR/nothing", "Include DIR/d/folder DIR/d/10", "Include \"DIR/inc one\"", "Include DIR/inc\\ one",
		"Include ~nobody-here/x\nPort 5",
		"Match final\n Port 7", "Match canonical\n Port 7", "Match final host web1\n User f\nHost web1\n HostName real",
		"Match host web1 all\n User a", "Match final all\n User a", "Match !all\n User a",
		"Match all final\n User a",
		"Match user root final !canonical\n User x", "Match exec true\n Port 8", "Match exec \"exit 1\"\n Port 8",
		"Match !exec false\n Port 8", "Match exec \"test %h = web1\"\n Port 8", "Match exec\n Port 8",
		"Match host = web1\n Port 8", "Match tagged\n Port 1",
		"AddressFamily inet6\nAddressFamily inet", "AddressFamily none",
		"CanonicalizeHostname no\nHost web1\n CanonicalizeHostname yes", "HostName 2001:DB8::00:1",
		"HostName 10.0.0.1", "GlobalKnownHostsFile none", "UserKnownHostsFile ~/%h ~/x",
		"ProxyJump a\nProxyCommand nc", "ProxyCommand nc  \"a b\" # c\nProxyJump a", "ProxyCommand none\nProxyJump a",
		"ProxyJump none\nProxyCommand nc", "ProxyJump none\nProxyJump b",
		"HostName %h.x.Y\nPort 1\nPort 2", "HostName %p", "Port 0x10", "Port 0", "Port 65536",
		"IdentitiesOnly yes\nIdentitiesOnly no", "IdentitiesOnly true",
		"UserKnownHostsFile /a /b\nUserKnownHostsFile /c", "UserKnownHostsFile none",
		"GlobalKnownHostsFile \"/a b\" /c", "CertificateFile /c1\nCertificateFile /c2",
		"IgnoreUnknown Foo*,bar\nFooX 1\nBar 2\nUser x", "FooX 1\nIgnoreUnknown Foo*",
		"Include \"DIR/inc one\"", "Host web2\n Include \"DIR/inc one\"", "Include DIR/inc2 DIR/none*\nUser x",
		"Host web2\nInclude DIR/inc2\nPort 9\nHost *\nUser x", "Include DIR/inc2\nPort 9",
		"ServerAliveInterval 10\nServerAliveCountMax 2\nServerAliveInterval 3", "ServerAliveInterval 1m30s",
		"ServerAliveInterval 1W2d3H4", "ServerAliveInterval 0", "ServerAliveInterval none",
		"ServerAliveInterval 0x10",
		"ServerAliveInterval -1", "ServerAliveInterval 1.5", "ServerAliveInterval 5x", "ServerAliveInterval s",
		"ServerAliveInterval \"\"", "ServerAliveInterval 99999999999", "ServerAliveInterval 1 2",
		"ServerAliveInterval 9999w",
		"ServerAliveCountMax 0", "ServerAliveCountMax 010", "ServerAliveCountMax 10s", "ServerAliveCountMax -1",
		"ServerAliveCountMax 0x10", "ServerAliveCountMax 99999999999", "Host web2\n ServerAliveCountMax 5",
		"HostKeyAlias x", "IdentityAgent none", "AddressFamily inet", "BindAddress 192.0.2.1",
		"Host *\nPort 2\nHost web1\nPort 3", "Host\n User x", "Host web1 # web2\n User x",
	} {
		file := write("config", strings.ReplaceAll(text, "DIR", dir))
		for _, host := range []string{"web1", "web2", "WEB1"} {
			compare(t, file, host, defaults)
		}
	}
	vocabulary := strings.Split("Host web1|Host web*|Host !web1 *|Host web? x|Host \"web2\"|Match host web1|"+
		"Match originalhost web*,!web2|Match !user u1|Match user u1,u2|Match all|Host *|"+
		"HostName h1|HostName %h.x|User u1|User u2|Port 1|Port 2|IdentityFile /a|IdentityFile \"/b c\"|"+
		"ProxyJump j|ProxyCommand c|ProxyJump none|Include DIR/inc2|# x|CertificateFile /d|"+
		"UserKnownHostsFile /e /f|ServerAliveInterval 7|ServerAliveCountMax 1", "|")
	rng := rand.New(rand.NewPCG(1, 2)) // the same ones each time
	for range 60 {
		var text strings.Builder
		for range 1 + rng.IntN(12) {
			fmt.Fprintln(&text, strings.ReplaceAll(vocabulary[rng.IntN(len(vocabulary))], "DIR", dir))
		}
		compare(t, write("config", text.String()), fmt.Sprint("web", 1+rng.IntN(2)), defaults)
	}
}
