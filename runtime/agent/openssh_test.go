package agent

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/agent/opensshtest"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// site is a host, a git server and a server that is neither, all of them OpenSSH. The deploy key may fetch from the
// git server; elsewhere it may do anything, which is what must not happen.
type site struct {
	*testing.T
	dir       string
	rec       *recorder
	ctx       context.Context
	host      *ssh.Host
	deploy    string // the private key file
	deployKey gossh.PublicKey
	git       *opensshtest.Server
	elsewhere *opensshtest.Server
}

func newSite(t *testing.T) *site {
	s := &site{T: t, dir: t.TempDir(), rec: &recorder{}}
	s.ctx = event.WithStream(t.Context(), event.NewStream(s.rec))
	s.deploy = filepath.Join(s.dir, "deploy")
	s.deployKey = opensshtest.Key(t, s.deploy)
	admin := filepath.Join(s.dir, "admin")
	adminKey := opensshtest.Key(t, admin)
	repo := filepath.Join(s.dir, "app.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=release", repo},
		{"-C", s.dir, "init", "--quiet", "--initial-branch=release", "work"},
		{"-C", s.dir + "/work", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--allow-empty", "-m", "first"},
		{"-C", s.dir + "/work", "push", "--quiet", repo, "release"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	s.git = opensshtest.Start(t, []string{opensshtest.Line(s.deployKey, `command="git-upload-pack '`+repo+`'",restrict`)})
	s.elsewhere = opensshtest.Start(t, []string{opensshtest.Line(s.deployKey, "")})
	web := opensshtest.Start(t, []string{opensshtest.Line(adminKey, "")})
	pool := ssh.NewPool(ssh.PoolOptions{})
	s.host = pool.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: web.Port, User: web.User, Identities: []string{admin},
		KnownHosts: []string{web.KnownHosts}, IdentityAgent: "none"})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) url() string {
	return fmt.Sprintf("ssh://%s@127.0.0.1:%d/app.git", s.git.User, s.git.Port)
}

// client is an ssh command line that believes only the given server.
func client(server *opensshtest.Server) string {
	return fmt.Sprintf("ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=%s", server.KnownHosts)
}

// fetch asks the git server for its refs, from the host.
func (s *site) fetch(ctx context.Context) error {
	result, err := s.host.Run(ctx, ssh.Command{Argv: []string{"git", "ls-remote", s.url(), "refs/heads/release"}, Env: map[string]string{"GIT_SSH_COMMAND": client(s.git)}})
	if err == nil && !strings.Contains(result.Stdout, "refs/heads/release") {
		return fmt.Errorf("git printed %q", result.Stdout)
	}
	return err
}

func (s *site) forward() *Forwarder {
	s.Helper()
	f, err := Open(s.ctx, &Keys{}, []string{s.git.KnownHosts}, Scope{Keys: []string{s.deploy}, To: []string{s.url()}})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(f.Close)
	return f
}

func TestForwardedToGit(t *testing.T) {
	s := newSite(t)
	if err := s.fetch(s.ctx); err == nil {
		t.Fatal("the git server let us in without a key")
	}
	f := s.forward()
	ctx := ssh.WithAgent(s.ctx, f)
	for range 2 {
		if err := s.fetch(ctx); err != nil {
			t.Fatal(f.Explain(ctx, err))
		}
	}
	want := gossh.FingerprintSHA256(s.deployKey) + " for " + s.git.User + "@[127.0.0.1]:" + fmt.Sprint(s.git.Port)
	if used := s.rec.of(event.KeyUsed); len(used) != 2 || used[0].Text != want || used[0].Host != "web1" {
		t.Errorf("events: %v", used)
	}
	f.Close()
	if err := s.fetch(ctx); err == nil {
		t.Error("the git server let us in after the scope")
	}
	if used := s.rec.of(event.KeyUsed); len(used) != 2 {
		t.Errorf("the key was used after the scope: %v", used)
	}
}

// The key opens the other server, too; the agent doesn't help with that.
func TestForwardedNowhereElse(t *testing.T) {
	s := newSite(t)
	f := s.forward()
	ctx := ssh.WithAgent(s.ctx, f)
	login := client(s.elsewhere) + fmt.Sprintf(" -p %d %s@127.0.0.1 echo inside", s.elsewhere.Port, s.elsewhere.User)
	if out, err := s.host.Run(s.ctx, ssh.Command{Script: login + " -i " + s.deploy}); err == nil {
		t.Fatalf("without a key: %v", out)
	}
	out, err := s.host.Run(ctx, ssh.Command{Script: login})
	if err == nil {
		t.Fatalf("logged in elsewhere: %q", out.Stdout)
	}
	err = f.Explain(event.WithHost(ctx, "web1"), err)
	if want := gossh.FingerprintSHA256(s.elsewhere.HostKey) + ", which is not one of [127.0.0.1]:" + fmt.Sprint(s.git.Port); !strings.Contains(err.Error(), want) {
		t.Errorf("explained as: %v", err)
	}
	if used := s.rec.of(event.KeyUsed); len(used) > 0 {
		t.Errorf("the key was used: %v", used)
	}
}

// Dropbear's client says nothing of the server it logs in to, as OpenSSH's did before 8.9: without that nothing is signed, unless the recipe says so.
func TestAClientThatBindsNothing(t *testing.T) {
	s := newSite(t)
	if _, err := exec.LookPath("dbclient"); err != nil {
		t.Fatal("dbclient is missing: install the package dropbear-bin")
	}
	home := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	must(os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), append([]byte("127.0.0.1 "), gossh.MarshalAuthorizedKey(s.git.HostKey)...), 0o600))
	fetch := ssh.Command{
		Argv:  []string{"dbclient", "-A", "-T", "-p", fmt.Sprint(s.git.Port), s.git.User + "@127.0.0.1", "git-upload-pack", "app.git"},
		Env:   map[string]string{"HOME": home},
		Stdin: new("0000"), // nothing is wanted of what is offered
	}
	f := s.forward()
	ctx := ssh.WithAgent(s.ctx, f)
	result, err := s.host.Run(ctx, fetch)
	if err == nil {
		t.Fatalf("it was let in: %v", result)
	}
	err = f.Explain(event.WithHost(ctx, "web1"), err)
	if !strings.Contains(err.Error(), "the ssh client didn't say which server it talks to") || !strings.Contains(event.Hint(err), "--agent host") {
		t.Errorf("explained as: %v; hint: %s", err, event.Hint(err))
	}
	if used := s.rec.of(event.KeyUsed); len(used) > 0 {
		t.Errorf("the key was used: %v", used)
	}
	f.Close()

	unbound, err := Open(s.ctx, &Keys{}, []string{s.git.KnownHosts}, Scope{Keys: []string{s.deploy}, To: []string{s.url()}, Unbound: true})
	must(err)
	defer unbound.Close()
	result, err = s.host.Run(ssh.WithAgent(s.ctx, unbound), fetch)
	if err != nil || !strings.Contains(result.Stdout, "refs/heads/release") {
		t.Errorf("with unbound: %v %q", err, result.Stdout)
	}
}

func TestOpenWantsKnownServers(t *testing.T) {
	key, _ := keyFile(t, "")
	known := filepath.Join(t.TempDir(), "known_hosts")
	_, err := Open(t.Context(), &Keys{}, []string{known}, Scope{Keys: []string{key}, To: []string{"ssh://git@git.example.org:2222/app.git"}})
	if err == nil || !strings.Contains(err.Error(), "doesn't know the host key of [git.example.org]:2222") {
		t.Errorf("error: %v", err)
	}
	if hint := event.Hint(err); !strings.Contains(hint, "`ssh -p 2222 git@git.example.org`") {
		t.Errorf("hint: %s", hint)
	}
}

// What a recipe sees, from declaration to result.
func TestModule(t *testing.T) {
	s := newSite(t)
	fetch := script.Func("fetch", script.Reads, "Asks the git server.", func(ctx context.Context, _ *ssh.Host, _ struct{}) (script.None, error) {
		return script.None{}, s.fetch(ctx)
	})
	modules := append(Module(Deps{KnownHosts: []string{s.git.KnownHosts}}), script.Module{On: "host", Doc: "For this test.", Primitives: []script.Primitive{fetch}},
		script.Module{Doc: "For this test.", Fields: []script.Field{{Name: "host", Doc: "A host.", Type: "host"}}})
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*ssh.Host](), Doc: "A host."}}, modules...)
	if err != nil {
		t.Fatal(err)
	}
	state, err := lib.NewState(script.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if err := state.SetGlobal("host", s.host); err != nil {
		t.Fatal(err)
	}
	run := func(source string) error {
		path := filepath.Join(t.TempDir(), "recipe.lua")
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		return state.Run(s.ctx, path)
	}
	if err := run(fmt.Sprintf(`assert(agent.forward({ keys = { %q }, to = { %q } }, function() host:fetch() return "done" end) == "done")`, s.deploy, s.url())); err != nil {
		t.Error(err)
	}
	if err := run(fmt.Sprintf(`assert(host:agent({ keys = { %q } }, function() host:fetch() return 7 end) == 7)`, s.deploy)); err != nil {
		t.Error(err)
	}
	err = run(fmt.Sprintf(`agent.forward({ keys = { %q }, to = { "nobody@127.0.0.1:%d" } }, function() host:fetch() end)`, s.deploy, s.git.Port))
	if want := fmt.Sprintf("(the forwarded agent refused: a login as %q at [127.0.0.1]:%d)", s.git.User, s.git.Port); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error: %v; want %s", err, want)
	}
}
