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

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// site is a host, a git server and a third server, all with OpenSSH. The deploy key may fetch from
// the git server. On the third server it may do anything, so it must never be used there.
type site struct {
	*testing.T
	dir       string
	rec       *recorder
	ctx       context.Context
	host      *shell.Host
	deploy    string // the private key file
	deployKey gossh.PublicKey
	git       *labtest.SSHD
	elsewhere *labtest.SSHD
}

func newSite(t *testing.T) *site {
	s := &site{T: t, dir: t.TempDir(), rec: &recorder{}}
	s.ctx = event.WithStream(t.Context(), event.NewStream(s.rec))
	s.deploy = filepath.Join(s.dir, "deploy")
	s.deployKey = labtest.Key(t, s.deploy)
	admin := filepath.Join(s.dir, "admin")
	adminKey := labtest.Key(t, admin)
	repo := filepath.Join(s.dir, "app.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=release", repo},
		{"-C", s.dir, "init", "--quiet", "--initial-branch=release", "work"},
		{"-C", s.dir + "/work", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet",
			"--allow-empty", "-m", "first"},
		{"-C", s.dir + "/work", "push", "--quiet", repo, "release"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	s.git = labtest.StartSSHD(t, []string{labtest.Line(s.deployKey, `command="git-upload-pack '`+repo+`'",restrict`)})
	s.elsewhere = labtest.StartSSHD(t, []string{labtest.Line(s.deployKey, "")})
	web := labtest.StartSSHD(t, []string{labtest.Line(adminKey, "")})
	pool := shell.NewPool(event.NewStream(), shell.Options{})
	s.host = pool.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: web.Port, User: web.User,
		Identities: []string{admin},
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

// client returns an ssh command line that trusts only the given server.
func client(server *labtest.SSHD) string {
	return fmt.Sprintf("ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null "+
		"-o UserKnownHostsFile=%s", server.KnownHosts)
}

// fetch lists the git server's refs from the host.
func (s *site) fetch(ctx context.Context) error {
	result, err := s.host.Run(ctx, shell.Command{Argv: []string{"git", "ls-remote", s.url(), "refs/heads/release"},
		Env: map[string]string{"GIT_SSH_COMMAND": client(s.git)}})
	if err == nil && !strings.Contains(result.Stdout, "refs/heads/release") {
		return fmt.Errorf("git printed %q", result.Stdout)
	}
	return err
}

func (s *site) forward() *Forwarder {
	s.Helper()
	f, err := Open(s.ctx, &Keys{}, Servers{KnownHosts: []string{s.git.KnownHosts}},
		Scope{Keys: []string{s.deploy}, To: []string{s.url()}})
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
	ctx := shell.WithAgent(s.ctx, f)
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

// The key could log in to the third server, but the agent does not sign for it.
func TestForwardedNowhereElse(t *testing.T) {
	s := newSite(t)
	f := s.forward()
	ctx := shell.WithAgent(s.ctx, f)
	login := client(s.elsewhere) + fmt.Sprintf(" -p %d %s@127.0.0.1 echo inside", s.elsewhere.Port, s.elsewhere.User)
	if out, err := s.host.Run(s.ctx, shell.Command{Script: login + " -i " + s.deploy}); err == nil {
		t.Fatalf("without a key: %v", out)
	}
	out, err := s.host.Run(ctx, shell.Command{Script: login})
	if err == nil {
		t.Fatalf("logged in elsewhere: %q", out.Stdout)
	}
	err = f.Explain(event.WithHost(ctx, "web1"), err)
	if want := gossh.FingerprintSHA256(s.elsewhere.HostKey) + ", which does not belong to [127.0.0.1]:" +
		fmt.Sprint(s.git.Port); !strings.Contains(err.Error(), want) {
		t.Errorf("explained as: %v", err)
	}
	if used := s.rec.of(event.KeyUsed); len(used) > 0 {
		t.Errorf("the key was used: %v", used)
	}
}

// Dropbear's client does not name its server, like OpenSSH's before 8.9. Then nothing is signed
// unless the recipe allows it.
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
	must(os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"),
		append([]byte("127.0.0.1 "), gossh.MarshalAuthorizedKey(s.git.HostKey)...), 0o600))
	fetch := shell.Command{
		Argv: []string{"dbclient", "-A", "-T", "-p", fmt.Sprint(s.git.Port), s.git.User + "@127.0.0.1",
			"git-upload-pack", "app.git"},
		Env:   map[string]string{"HOME": home},
		Stdin: new("0000"), // a flush packet: fetch none of the refs
	}
	f := s.forward()
	ctx := shell.WithAgent(s.ctx, f)
	result, err := s.host.Run(ctx, fetch)
	if err == nil {
		t.Fatalf("it was let in: %v", result)
	}
	err = f.Explain(event.WithHost(ctx, "web1"), err)
	if !strings.Contains(err.Error(), "the ssh client did not name the server it talks to") ||
		!strings.Contains(event.Hint(err), "--agent host") {
		t.Errorf("explained as: %v; hint: %s", err, event.Hint(err))
	}
	if used := s.rec.of(event.KeyUsed); len(used) > 0 {
		t.Errorf("the key was used: %v", used)
	}
	f.Close()

	unbound, err := Open(s.ctx, &Keys{}, Servers{KnownHosts: []string{s.git.KnownHosts}},
		Scope{Keys: []string{s.deploy}, To: []string{s.url()}, Unbound: true})
	must(err)
	defer unbound.Close()
	result, err = s.host.Run(shell.WithAgent(s.ctx, unbound), fetch)
	if err != nil || !strings.Contains(result.Stdout, "refs/heads/release") {
		t.Errorf("with unbound: %v %q", err, result.Stdout)
	}
}

func TestOpenWantsKnownServers(t *testing.T) {
	key, _ := keyFile(t, "")
	known := filepath.Join(t.TempDir(), "known_hosts")
	_, err := Open(t.Context(), &Keys{}, Servers{KnownHosts: []string{known}},
		Scope{Keys: []string{key}, To: []string{"ssh://git@git.example.org:2222/app.git"}})
	if err == nil || !strings.Contains(err.Error(), "host key of [git.example.org]:2222: not known on this machine") {
		t.Errorf("error: %v", err)
	}
	if hint := event.Hint(err); !strings.Contains(hint, "`ssh -p 2222 git@git.example.org`") {
		t.Errorf("hint: %s", hint)
	}
}

// The Lua API, from declaration to result.
func TestModule(t *testing.T) {
	s := newSite(t)
	fetch := script.Func("fetch", script.Reads, "Asks the git server.",
		func(ctx context.Context, _ *shell.Host, _ struct{}) (script.None, error) {
			return script.None{}, s.fetch(ctx)
		})
	modules := append(Module(Deps{Servers: Servers{KnownHosts: []string{s.git.KnownHosts}}}),
		script.Module{On: "host", Doc: "For this test.", Primitives: []script.Primitive{fetch}},
		script.Module{Doc: "For this test.", Fields: []script.Field{{Name: "host", Doc: "A host.", Type: "host"}}})
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*shell.Host](), Doc: "A host."}},
		modules...)
	if err != nil {
		t.Fatal(err)
	}
	state, err := lib.NewState(event.NewStream(), script.StateOptions{})
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
	if err := run(fmt.Sprintf(`assert(agent.forward({ keys = { %q }, to = { %q } }, `+
		`function() host:fetch() return "done" end) == "done")`, s.deploy, s.url())); err != nil {
		t.Error(err)
	}
	if err := run(fmt.Sprintf(`assert(host:agent({ keys = { %q } }, function() host:fetch() return 7 end) == 7)`,
		s.deploy)); err != nil {
		t.Error(err)
	}
	err = run(fmt.Sprintf(`agent.forward({ keys = { %q }, to = { "nobody@127.0.0.1:%d" } }, `+
		`function() host:fetch() end)`, s.deploy, s.git.Port))
	if want := fmt.Sprintf("(the forwarded agent refused: a login as %q at [127.0.0.1]:%d)", s.git.User,
		s.git.Port); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error: %v; want %s", err, want)
	}
}
