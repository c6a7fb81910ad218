package git_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/agent"
	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

// serve serves the bench's repository by a real sshd with these lines in its configuration, for one
// deploy key. It returns the URL and the key's file.
func (b *bench) serve(lines ...string) (server *labtest.SSHD, url, deploy string) {
	deploy = filepath.Join(b.dir, "deploy")
	key := labtest.Key(b, deploy)
	server = labtest.StartSSHD(b, []string{labtest.Line(key, `command="git-upload-pack '`+b.repo+`'",restrict`)},
		lines...)
	return server, fmt.Sprintf("ssh://%s@127.0.0.1:%d/app.git", server.User, server.Port), deploy
}

func TestOverSSH(t *testing.T) {
	b := newBench(t)
	server, url, deploy := b.serve()
	b.git.KnownHosts = []string{server.KnownHosts}
	revision := b.commit("release", "release")
	_, err := b.git.Resolve(b.ctx, b.host, url, "release")
	b.fails(err, "the git server refused the login", "--key")

	f, err := agent.Open(b.ctx, &agent.Keys{}, agent.Servers{KnownHosts: b.git.KnownHosts},
		agent.Scope{Keys: []string{deploy}, To: []string{url}, Signatures: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := shell.WithAgent(b.ctx, f)
	if got, err := b.git.Resolve(ctx, b.host, url, "release"); err != nil || got != revision {
		t.Fatalf("resolve: %s, %v", got, f.Explain(ctx, err))
	}
	path := b.dir + "/repo.git"
	for _, want := range []bool{true, false} {
		if made, err := b.git.Mirror(ctx, b.host, git.MirrorOptions{Repo: url, Path: path}); err != nil ||
			made != want {
			t.Errorf("mirror: %v, %v", made, f.Explain(ctx, err))
		}
	}
	for from, mirror := range map[string]string{"mirror": path, "server": ""} {
		into := b.dir + "/from-" + from
		if err := b.git.Clone(ctx, b.host, git.CloneOptions{Repo: url, Revision: revision, Into: into,
			Mirror: mirror}); err != nil {
			t.Fatal(f.Explain(ctx, err))
		}
		if origin := b.run("-C", into, "remote", "get-url", "origin"); origin != url {
			t.Errorf("origin is %s", origin)
		}
	}
	// One signature for each connection to the server.
	if used := b.texts(event.KeyUsed); len(used) != 4 {
		t.Errorf("events: %v", used)
	}
}

func TestHostKeys(t *testing.T) {
	b := newBench(t)
	server, url, _ := b.serve()
	_, err := b.git.Resolve(b.ctx, b.host, url, "main")
	b.fails(err, fmt.Sprintf("the host key of [127.0.0.1]:%d is not known, neither on this machine nor on the host",
		server.Port),
		fmt.Sprintf("`ssh -p %d %s@127.0.0.1`", server.Port, server.User))

	other := labtest.Key(t, b.dir+"/other")
	b.write(b.dir+"/known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s\n", server.Port, labtest.Line(other, "")))
	b.git.KnownHosts = []string{b.dir + "/known_hosts"}
	_, err = b.git.Resolve(b.ctx, b.host, url, "main")
	b.fails(err, "has changed", "ssh-keygen -R")

	// A missing server is a different error.
	_, err = b.git.Resolve(b.ctx, b.host, "ssh://git@127.0.0.1:1/app.git", "main")
	b.fails(err, "can't be reached from the host", "firewall")
}

// The file with the git server's keys is removed with the command.
func TestLeavesNoFiles(t *testing.T) {
	b := newBench(t)
	server, url, _ := b.serve()
	b.git.KnownHosts = []string{server.KnownHosts}
	temp := b.dir + "/tmp"
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx := shell.WithEnv(b.ctx, b.host, map[string]string{"TMPDIR": temp})
	_, err := b.git.Resolve(ctx, b.host, url, "main")
	b.fails(err, "refused the login", "")
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	shown := strings.Join(append(b.texts(event.CommandBegun), b.texts(event.CommandEnded)...), "\n")
	if want := "git ls-remote " + url; shown != want+"\n"+want {
		t.Errorf("the run shows %q", shown)
	}
}

// The host's git rejects keys that are @revoked here, whether this machine knows another key of the
// server or none.
func TestRevokedHostKey(t *testing.T) {
	b := newBench(t)
	server, url, _ := b.serve()
	revoked := "@revoked * " + labtest.Line(server.HostKey, "") + "\n"
	for name, known := range map[string]string{"known": b.read(server.KnownHosts) + revoked, "the only one": revoked} {
		b.write(b.dir+"/known_hosts", known)
		b.git.KnownHosts = []string{b.dir + "/known_hosts"}
		ctx := b.ctx
		if name == "the only one" { // the host itself trusts it
			ctx = b.believing(server.KnownHosts)
		}
		_, err := b.git.Resolve(ctx, b.host, url, "main")
		b.fails(err, fmt.Sprintf("the host key of [127.0.0.1]:%d is revoked", server.Port), "ask its admin")
	}
	b.git.KnownHosts = nil
	_, err := b.git.Resolve(b.believing(server.KnownHosts), b.host, url, "main")
	b.fails(err, "refused the login", "") // so the revocation was the reason before
}

// believing returns a context in which this machine's ssh, as the host's, trusts a known_hosts
// file.
func (b *bench) believing(file string) context.Context {
	b.Helper()
	bin := filepath.Join(b.dir, "believing")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		b.Fatal(err)
	}
	program, err := exec.LookPath("ssh")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "ssh"),
		[]byte("#!/bin/sh\nexec "+program+" -oUserKnownHostsFile="+file+" \"$@\"\n"), 0o755); err != nil {
		b.Fatal(err)
	}
	return shell.WithEnv(b.ctx, b.host, map[string]string{"PATH": bin + ":" + os.Getenv("PATH")})
}

// The host's git and the agent trust a server with a certificate of a known authority, but only
// under the certificate's name.
func TestCertifiedHostKey(t *testing.T) {
	for name, want := range map[string]string{"127.0.0.1": "", "git.example.org": "is not known"} {
		b := newBench(t)
		authority, lines := labtest.Certified(t, b.dir, name)
		server, url, deploy := b.serve(lines...)
		revision := b.commit("release", "release")
		b.write(b.dir+"/known_hosts", fmt.Sprintf("@cert-authority [127.0.0.1]:%d %s\n", server.Port,
			labtest.Line(authority, "")))
		b.git.KnownHosts = []string{b.dir + "/known_hosts"}
		f, err := agent.Open(b.ctx, &agent.Keys{}, agent.Servers{KnownHosts: b.git.KnownHosts},
			agent.Scope{Keys: []string{deploy}, To: []string{url}})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ctx := shell.WithAgent(b.ctx, f)
		got, err := b.git.Resolve(ctx, b.host, url, "release")
		if want != "" {
			b.fails(err, want, "")
			continue
		}
		if err != nil || got != revision || len(b.texts(event.KeyUsed)) != 1 {
			t.Errorf("%s, %v, %v", got, f.Explain(ctx, err), b.texts(event.KeyUsed))
		}
		b.write(b.dir+"/known_hosts", b.read(b.dir+"/known_hosts")+"@revoked * "+labtest.Line(authority, "")+"\n")
		_, err = b.git.Resolve(ctx, b.host, url, "release")
		b.fails(err, "is revoked", "")
		if _, err = agent.Open(b.ctx, &agent.Keys{}, agent.Servers{KnownHosts: b.git.KnownHosts},
			agent.Scope{Keys: []string{deploy}, To: []string{url}}); err == nil ||
			!strings.Contains(err.Error(), b.dir+"/known_hosts:2") {
			t.Errorf("an agent for a revoked authority: %v", err)
		}
	}
}

// One clone gets three logins signed. More are refused with an event.
func TestSignaturesOfOneClone(t *testing.T) {
	b := newBench(t)
	server, url, deploy := b.serve()
	b.git.KnownHosts = []string{server.KnownHosts}
	open := func(signatures int) (context.Context, *agent.Forwarder) {
		t.Helper()
		f, err := agent.Open(b.ctx, &agent.Keys{}, agent.Servers{KnownHosts: b.git.KnownHosts},
			agent.Scope{Keys: []string{deploy}, To: []string{url}, Signatures: signatures})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		return shell.WithAgent(b.ctx, f), f
	}
	for configured, most := range map[int]int{0: 3, 1: 1} {
		ctx, f := open(configured)
		for range most {
			if _, err := b.git.Resolve(ctx, b.host, url, "main"); err != nil {
				t.Fatal(f.Explain(ctx, err))
			}
		}
		before := len(b.texts(event.KeyUsed))
		_, err := b.git.Resolve(ctx, b.host, url, "main")
		b.fails(f.Explain(ctx, err), fmt.Sprintf("(the forwarded agent refused: more than %d logins at [127.0.0.1]:%d)",
			most, server.Port), "signatures in agent.forward")
		if len(b.texts(event.KeyUsed)) != before || len(b.texts(event.KeyRefused)) == 0 {
			t.Errorf("used: %v, refused: %v", b.texts(event.KeyUsed), b.texts(event.KeyRefused))
		}
	}
	// The most expensive case: a fetch into a broken mirror fails, and the mirror is rebuilt.
	path := b.dir + "/repo.git"
	ctx, f := open(0)
	if _, err := b.git.Mirror(ctx, b.host, git.MirrorOptions{Repo: url, Path: path}); err != nil {
		t.Fatal(f.Explain(ctx, err))
	}
	if err := os.RemoveAll(path + "/refs"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path + "/objects"); err != nil {
		t.Fatal(err)
	}
	b.run("init", "--quiet", "--bare", path)
	b.run("--git-dir", path, "config", "fetch.fsckObjects", "true")
	b.run("--git-dir", path, "config", "fetch.fsck.skipList", "/nonexistent")
	ctx, f = open(0)
	before := len(b.texts(event.KeyUsed))
	if made, err := b.git.Mirror(ctx, b.host, git.MirrorOptions{Repo: url, Path: path}); err != nil || !made {
		t.Fatal(made, f.Explain(ctx, err))
	}
	if used := len(b.texts(event.KeyUsed)) - before; used != 3 {
		t.Errorf("signed %d times", used)
	}
}
