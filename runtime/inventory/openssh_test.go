package inventory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compared are the directives that TestLikeOpenSSH looks at, as `ssh -G` writes them.
func compared() []string {
	return []string{"hostname", "user", "port", "proxyjump", "proxycommand", "identityfile", "certificatefile", "identitiesonly",
		"identityagent", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "bindaddress", "addressfamily",
		"serveraliveinterval", "serveralivecountmax"}
}

// sshSays is what OpenSSH itself makes of a config file for a host; nil when it refuses the file.
func sshSays(t *testing.T, file, host string) map[string]string {
	t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal("there is no ssh: install the package openssh-client")
	}
	out, err := exec.CommandContext(t.Context(), ssh, "-G", "-T", "-F", file, host).Output()
	if err != nil {
		return nil
	}
	says := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if slices.Contains(compared(), key) {
			says[key] = strings.TrimPrefix(says[key]+" "+value, " ")
		}
	}
	return says
}

// weSay is the same from this package, with what OpenSSH says of an empty file where nothing is stated.
func weSay(c config, host string, defaults map[string]string) (map[string]string, error) {
	v, err := c.lookup(host, "", 0)
	if err != nil {
		return nil, err
	}
	h := Host{}
	if err := errors.Join(v.reach(&h), v.files(&h, entry{}, Options{}), v.keepalives(&h)); err != nil {
		return nil, err
	}
	says := map[string]string{}
	for _, key := range compared() {
		var words []string
		for _, d := range append(slices.Clone(v.all[key]), v.first[key]) {
			words = append(words, d.args...)
		}
		switch {
		case key == "hostname":
			if says[key], err = v.address(); err != nil {
				return nil, err
			}
		case key == "proxycommand" && len(words) > 0: // a command keeps its spelling
			says[key] = v.first[key].rest
		case key == "serveraliveinterval" && len(words) > 0: // ssh -G writes seconds
			says[key] = fmt.Sprint(max(0, int(h.AliveInterval.Seconds())))
		case key == "serveralivecountmax" && len(words) > 0 && words[0] != "0":
			says[key] = fmt.Sprint(h.AliveCount)
		case key == "identitiesonly" && len(words) > 0 && words[0] == "true":
			says[key] = "yes"
		case len(words) > 0:
			says[key] = strings.Join(words, " ")
		default:
			if value, ok := defaults[key]; ok {
				says[key] = value
			}
		}
		if strings.HasPrefix(key, "proxy") && says[key] == noJump {
			delete(says, key)
		}
	}
	return says, nil
}

func compare(t *testing.T, file, host string, defaults map[string]string) {
	t.Helper()
	want := sshSays(t, file, host)
	me, err := thisMachine("")
	if err != nil {
		t.Fatal(err)
	}
	c, err := openConfig(Options{SSHConfig: file}, me)
	var got map[string]string
	if err == nil {
		got, err = weSay(c, host, defaults)
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

// TestLikeOpenSSH holds the reader of ssh_config against the real one, over written cases and random ones.
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
	defaults := sshSays(t, write("empty", ""), "localhost")
	delete(defaults, "hostname")
	for _, text := range []string{
		"Host web?\n User one", "Host web1?\n User one", "Host w*b*1*\n User one", "Host \"web1\"\n User q", "Host web1\tweb2\n User tab", "Host *,web1\n User comma", "Host !web1 *\n User neg", "Host !web1\n User neg",
		"IdentityFile /k#1\nIdentityFile /k2 # comment\nIdentityFile '/a b' #c", "IdentityFile \"/a\\\"b\\\\c\"", "IdentityFile /a\\ b", "IdentityFile /a\\b", "User=x", "User = x", "User =x", "User ==x", "User\t=\tx",
		"\"User\" x", "User \"\"", "User x y", "User 'x", "User", "Usr x", "  \t# c\n  User x  \t", "User x\r\nPort 3\r\n", "User x\f", "uSeR x",
		"Host web1\n HostName real.example\nMatch host real.example\n User r\nMatch host web1\n Port 5",
		"Match originalhost web1\n User o\nMatch host WEB1,x\n Port 6", "Match all\n User a", "Match all host web1\n User a", "Match !host web1\n User a\nMatch !host web2\n User b",
		"Match user root\n User b", "User z\nMatch user z\n Port 8", "Match localuser root,nobody\n Port 8", "Match host *,!web1\n User m", "Match host=web1\n User m", "Match host\n User m", "Match\n User m",
		"Host web2\n ProxyCommand nc %h\n BindAddress ::1",
		"ProxyJump a\nProxyCommand nc", "ProxyCommand nc  \"a b\" # c\nProxyJump a", "ProxyCommand none\nProxyJump a", "ProxyJump none\nProxyCommand nc", "ProxyJump none\nProxyJump b",
		"HostName %h.x.Y\nPort 1\nPort 2", "HostName %p", "Port 0x10", "Port 0", "Port 65536", "IdentitiesOnly yes\nIdentitiesOnly no", "IdentitiesOnly true",
		"UserKnownHostsFile /a /b\nUserKnownHostsFile /c", "UserKnownHostsFile none", "GlobalKnownHostsFile \"/a b\" /c", "CertificateFile /c1\nCertificateFile /c2",
		"IgnoreUnknown Foo*,bar\nFooX 1\nBar 2\nUser x", "FooX 1\nIgnoreUnknown Foo*",
		"Include \"DIR/inc one\"", "Host web2\n Include \"DIR/inc one\"", "Include DIR/inc2 DIR/none*\nUser x", "Host web2\nInclude DIR/inc2\nPort 9\nHost *\nUser x", "Include DIR/inc2\nPort 9",
		"ServerAliveInterval 10\nServerAliveCountMax 2\nServerAliveInterval 3", "ServerAliveInterval 1m30s", "ServerAliveInterval 1W2d3H4", "ServerAliveInterval 0", "ServerAliveInterval none", "ServerAliveInterval 0x10",
		"ServerAliveInterval -1", "ServerAliveInterval 1.5", "ServerAliveInterval 5x", "ServerAliveInterval s", "ServerAliveInterval \"\"", "ServerAliveInterval 99999999999", "ServerAliveInterval 1 2", "ServerAliveInterval 9999w",
		"ServerAliveCountMax 0", "ServerAliveCountMax 010", "ServerAliveCountMax 10s", "ServerAliveCountMax -1", "ServerAliveCountMax 0x10", "ServerAliveCountMax 99999999999", "Host web2\n ServerAliveCountMax 5",
		"HostKeyAlias x", "IdentityAgent none", "AddressFamily inet", "BindAddress 192.0.2.1", "Host *\nPort 2\nHost web1\nPort 3", "Host\n User x", "Host web1 # web2\n User x",
	} {
		file := write("config", strings.ReplaceAll(text, "DIR", dir))
		for _, host := range []string{"web1", "web2", "WEB1"} {
			compare(t, file, host, defaults)
		}
	}
	vocabulary := strings.Split("Host web1|Host web*|Host !web1 *|Host web? x|Host \"web2\"|Match host web1|Match originalhost web*,!web2|Match !user u1|Match user u1,u2|Match all|Host *|"+
		"HostName h1|HostName %h.x|User u1|User u2|Port 1|Port 2|IdentityFile /a|IdentityFile \"/b c\"|ProxyJump j|ProxyCommand c|ProxyJump none|Include DIR/inc2|# x|CertificateFile /d|UserKnownHostsFile /e /f|ServerAliveInterval 7|ServerAliveCountMax 1", "|")
	rng := rand.New(rand.NewPCG(1, 2)) // the same ones each time
	for range 60 {
		var text strings.Builder
		for range 1 + rng.IntN(12) {
			fmt.Fprintln(&text, strings.ReplaceAll(vocabulary[rng.IntN(len(vocabulary))], "DIR", dir))
		}
		compare(t, write("config", text.String()), fmt.Sprint("web", 1+rng.IntN(2)), defaults)
	}
}
