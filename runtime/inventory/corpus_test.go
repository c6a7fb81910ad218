package inventory

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"runbook/runtime/inventory/sshconfig"
)

// TestCorpus compares the settings of hosts with OpenSSH, on files such as people and tools write.
// Each file in testdata/ssh_config has its home folder, its /etc/ssh and its /etc/hosts. The
// comparison runs in namespaces that mount them there, so both sides read the same files and use no
// network.
func TestCorpus(t *testing.T) {
	cases, err := filepath.Glob("testdata/ssh_config/*.txtar")
	if err != nil || len(cases) < 30 {
		t.Fatal(len(cases), err)
	}
	var together []string
	for _, path := range cases {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// A Go program keeps what it has read of /etc/hosts and about its own user.
		if bytes.Contains(text, []byte("-- etc/hosts --")) || bytes.Contains(text, []byte("~root")) {
			inNamespaces(t, path)
		} else {
			together = append(together, path)
		}
	}
	inNamespaces(t, together...)
}

// inNamespaces runs TestCorpusInside.
func inNamespaces(t *testing.T, cases ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare",
		append([]string{"-mn", os.Args[0], "-test.run", "^TestCorpusInside$", "--"}, cases...)...)
	cmd.Env = append(os.Environ(), "CORPUS=inside")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("%v (it needs root)\n%s", err, out)
	}
}

// TestCorpusInside is the part of TestCorpus that runs in the namespaces.
func TestCorpusInside(t *testing.T) {
	if os.Getenv("CORPUS") == "" {
		return // TestCorpus runs it
	}
	cases := os.Args[slices.Index(os.Args, "--")+1:]
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, hosts, ok := strings.Cut(string(archive.Comment), "\nhosts: ")
			if !ok {
				t.Fatal("it names no hosts")
			}
			contents := map[string]string{"etc/hosts": "", "etc/nsswitch.conf": "passwd: files\nhosts: files\n",
				"shell":           shell,
				"home/.ssh/.keep": "", "etc/.keep": ""}
			for _, f := range archive.Files {
				name := f.Name
				if !strings.HasPrefix(name, "etc/") {
					name = "home/" + name
				}
				contents[name] = string(f.Data)
			}
			dir := files(t, contents)
			if out, err := exec.Command("/bin/sh", "-euc", enter, "sh", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for name, value := range map[string]string{"HOME": dir + "/home", "SHELL": dir + "/shell",
				"AGENT_DIR": "/run/agents"} {
				t.Setenv(name, value)
			}
			compareHosts(t, strings.Fields(hosts))
		})
	}
}

// shell is the user's shell: it runs the commands of Match exec, but no proxy.
const shell = "#!/bin/sh\ncase \"$2\" in \"exec \"*) exit 0 ;; esac\nexec /bin/sh \"$@\"\n"

// enter puts the files in the folder $1 in their places. root's home folder is in the user
// database, where ssh looks for it.
const enter = `
chmod 700 "$1/shell"
mount --make-rprivate /
for f in /etc/passwd /etc/hosts /etc/nsswitch.conf /etc/ssh; do umount "$f" 2>/dev/null || : ; done
sed "s|^root:.*|root:x:0:0:root:$1/home:/bin/sh|" /etc/passwd > "$1/passwd"
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/etc/hosts" /etc/hosts
mount --bind "$1/etc/nsswitch.conf" /etc/nsswitch.conf
mount --bind "$1/etc" /etc/ssh
`

// compareHosts compares hosts with OpenSSH, with the files that are mounted.
func compareHosts(t *testing.T, hosts []string) {
	defaults := sshG(t, "-F", "none", "web1")
	me, err := thisMachine("")
	if err != nil {
		t.Fatal(err)
	}
	config, err := openConfig(Options{}, me)
	if err != nil {
		t.Fatal(err)
	}
	r := resolver{ctx: t.Context(), me: me, config: config, done: map[string]*Host{}}
	for _, host := range hosts {
		user, name, ok := strings.Cut(host, "@")
		if !ok {
			user, name = "", host
		}
		want := sshG(t, host)
		h, err := r.resolve(entry{name: name, address: name, user: user}, nil)
		if (err != nil) != (want == nil) {
			t.Errorf("%s: ssh says %v, we say %v", host, want, err)
		}
		if err != nil {
			continue
		}
		v, err := config.Lookup(t.Context(), name, sshconfig.Given{User: user})
		if err != nil {
			t.Fatal(err)
		}
		got := asSSH(h, v, defaults)
		for _, key := range compared() {
			if got[key] != want[key] {
				t.Errorf("%s: %s\n ssh says %s\n we say %s", host, key, want[key], got[key])
			}
		}
		paths := h.Identities != nil || h.Certificates != nil || h.Proxy != nil
		if paths && want["canonicalizehostname"] == "no" { // ssh -v below gives them a proxy
			compareExpanded(t, host, h)
		}
	}
}

// compared lists the directives that the tests compare, as ssh -G writes them.
func compared() []string {
	return []string{"hostname", "user", "port", "proxyjump", "proxycommand", "identityfile", "certificatefile",
		"identitiesonly",
		"identityagent", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "bindaddress", "addressfamily",
		"serveraliveinterval", "serveralivecountmax", "pubkeyauthentication", "passwordauthentication",
		"kbdinteractiveauthentication",
		"preferredauthentications", "requiredrsasize", "canonicalizehostname"}
}

// sshG returns what ssh -G prints; nil if it rejects the files.
func sshG(t *testing.T, args ...string) map[string]string {
	t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal("there is no ssh: install the package openssh-client")
	}
	out, err := exec.CommandContext(t.Context(), ssh, append([]string{"-G", "-T"}, args...)...).Output()
	if err != nil {
		return nil
	}
	says := map[string]string{}
	seen := map[string]bool{} // ssh lists a file twice if both configurations name it
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if slices.Contains(compared(), key) && !seen[line] {
			value = yesNo(key, value)
			says[key] = strings.TrimPrefix(says[key]+" "+value, " ")
		}
		seen[line] = true
	}
	return says
}

// yesNo spells true and false as yes and no, for directives that accept both spellings.
func yesNo(key, text string) string {
	if strings.HasSuffix(key, "authentication") || key == "identitiesonly" || key == "canonicalizehostname" {
		return strings.NewReplacer("true", "yes", "false", "no").Replace(strings.ToLower(text))
	}
	return text
}

// asSSH returns a host as ssh -G writes it, with OpenSSH's defaults for unset values. Where ssh
// does not expand tokens, asSSH returns the words of the file; compareExpanded compares the rest.
func asSSH(h *Host, v sshconfig.Values, defaults map[string]string) map[string]string {
	says := map[string]string{}
	for _, key := range compared() {
		var words []string
		for _, d := range v.All(key) {
			words = append(words, d.Args...)
		}
		if d, ok := v.First(key); ok {
			words = append(words, d.Args...)
		}
		text := strings.Join(words, " ")
		switch {
		case len(words) == 0:
			text = defaults[key]
		case key == "proxycommand":
			d, _ := v.First(key)
			text = d.Command()
		case text != yesNo(key, text):
			text = yesNo(key, text)
		case key == "serveraliveinterval":
			text = fmt.Sprint(max(0, int(h.AliveInterval/time.Second)))
		case key == "serveralivecountmax" && text != "0":
			text = fmt.Sprint(h.AliveCount)
		case key == "identityagent" && h.IdentityAgent != "" && h.IdentityAgent != "none":
			text = h.IdentityAgent
		case key == "hostkeyalias":
			text = h.HostKeyAlias
		case key == "userknownhostsfile" && text != "none" && text != "/dev/null":
			text = strings.Join(h.KnownHosts[:len(words)], " ")
		}
		if strings.HasPrefix(key, "proxy") && text == noJump {
			continue
		}
		if text != "" || defaults[key] != "" {
			says[key] = text
		}
	}
	says["hostname"], says["user"], says["port"] = h.Address, h.User, fmt.Sprint(h.Port)
	return says
}

// compareExpanded compares the paths and the proxy command with those that ssh -v reports.
func compareExpanded(t *testing.T, host string, h *Host) {
	t.Helper()
	args := []string{"-v", "-T", "-o", "BatchMode=yes", "-o", "RemoteCommand=none", "-o", "ControlMaster=no", "-o",
		"ControlPath=none"}
	if h.Proxy == nil {
		args = append(args, "-o", "ProxyCommand=true")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ssh", append(args, host, "true")...).CombinedOutput()
	if err == nil {
		t.Fatal("it connected")
	}
	var identities, certificates []string
	command := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\r\n")
		if path, ok := strings.CutPrefix(line, "debug1: identity file "); ok {
			path = path[:strings.LastIndex(path, " type ")]
			if !strings.HasSuffix(path, "-cert") {
				identities = append(identities, path)
			}
		}
		if path, ok := strings.CutPrefix(line, "debug1: certificate file "); ok {
			certificates = append(certificates, path[:strings.LastIndex(path, " type ")])
		}
		if text, ok := strings.CutPrefix(line, "debug1: Executing proxy command: exec "); ok {
			command = text
		}
	}
	if got := h.Identities; got != nil && !slices.Equal(got, slices.Compact(identities)) &&
		len(got)+len(identities) > 0 {
		t.Errorf("%s: identities\n ssh -v says %v\n we say %v", host, identities, got)
	}
	if got := h.Certificates; !slices.Equal(got, certificates) {
		t.Errorf("%s: certificates\n ssh -v says %v\n we say %v", host, certificates, got)
	}
	if h.Proxy != nil && h.Proxy.Line != command {
		t.Errorf("%s: proxy\n ssh -v says %s\n we say %s", host, command, h.Proxy.Line)
	}
}
