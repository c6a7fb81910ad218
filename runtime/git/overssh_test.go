package git_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/agent"
	"runbook/runtime/agent/opensshtest"
	"runbook/runtime/event"
	"runbook/runtime/git"
	"runbook/runtime/ssh"
)

// serve puts the bench's repository behind a real sshd, for one deploy key, and returns its URL and the key's file.
func (b *bench) serve() (server *opensshtest.Server, url, deploy string) {
	deploy = filepath.Join(b.dir, "deploy")
	key := opensshtest.Key(b, deploy)
	server = opensshtest.Start(b, []string{opensshtest.Line(key, `command="git-upload-pack '`+b.repo+`'",restrict`)})
	return server, fmt.Sprintf("ssh://%s@127.0.0.1:%d/app.git", server.User, server.Port), deploy
}

func TestOverSSH(t *testing.T) {
	b := newBench(t)
	server, url, deploy := b.serve()
	b.git.KnownHosts = []string{server.KnownHosts}
	revision := b.commit("release", "release")
	_, err := b.git.Resolve(b.ctx, b.host, url, "release")
	b.fails(err, "the git server refused the login", "--key")

	f, err := agent.Open(b.ctx, &agent.Keys{}, b.git.KnownHosts, []string{deploy}, []string{url}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := ssh.WithAgent(b.ctx, f)
	if got, err := b.git.Resolve(ctx, b.host, url, "release"); err != nil || got != revision {
		t.Fatalf("resolve: %s, %v", got, f.Explain(ctx, err))
	}
	path := b.dir + "/repo.git"
	for _, want := range []bool{true, false} {
		if made, err := b.git.Mirror(ctx, b.host, git.MirrorOptions{Repo: url, Path: path}); err != nil || made != want {
			t.Errorf("mirror: %v, %v", made, f.Explain(ctx, err))
		}
	}
	for from, mirror := range map[string]string{"mirror": path, "server": ""} {
		into := b.dir + "/from-" + from
		if err := b.git.Clone(ctx, b.host, git.CloneOptions{Repo: url, Revision: revision, Into: into, Mirror: mirror}); err != nil {
			t.Fatal(f.Explain(ctx, err))
		}
		if origin := b.run("-C", into, "remote", "get-url", "origin"); origin != url {
			t.Errorf("origin is %s", origin)
		}
	}
	// Once for each time that the server was asked.
	if used := b.texts(event.KeyUsed); len(used) != 4 {
		t.Errorf("events: %v", used)
	}
}

func TestHostKeys(t *testing.T) {
	b := newBench(t)
	server, url, _ := b.serve()
	_, err := b.git.Resolve(b.ctx, b.host, url, "main")
	b.fails(err, fmt.Sprintf("the host key of [127.0.0.1]:%d is not known, neither on this machine nor on the host", server.Port),
		fmt.Sprintf("`ssh -p %d %s@127.0.0.1`", server.Port, server.User))

	other := opensshtest.Key(t, b.dir+"/other")
	b.write(b.dir+"/known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s\n", server.Port, opensshtest.Line(other, "")))
	b.git.KnownHosts = []string{b.dir + "/known_hosts"}
	_, err = b.git.Resolve(b.ctx, b.host, url, "main")
	b.fails(err, "is another than the known one", "ssh-keygen -R")

	// A server that isn't there at all is another thing.
	_, err = b.git.Resolve(b.ctx, b.host, "ssh://git@127.0.0.1:1/app.git", "main")
	b.fails(err, "can't be reached from the host", "firewall")
}

// The file with the git server's keys is gone when the command is.
func TestLeavesNoFiles(t *testing.T) {
	b := newBench(t)
	server, url, _ := b.serve()
	b.git.KnownHosts = []string{server.KnownHosts}
	temp := b.dir + "/tmp"
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx := ssh.WithEnv(b.ctx, b.host, map[string]string{"TMPDIR": temp})
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
