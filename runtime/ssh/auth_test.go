package ssh

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// asker is a person at a terminal.
type asker struct {
	answers []string
	asked   []string
}

func (a *asker) prompt(_ context.Context, question string, secret bool) (string, error) {
	a.asked = append(a.asked, question)
	if !secret {
		return "", errors.New("the answer would be shown")
	}
	if len(a.answers) == 0 {
		return "", errors.New("nobody answers")
	}
	answer := a.answers[0]
	a.answers = a.answers[1:]
	return answer, nil
}

// admit lets a public key log in.
func (s *sshd) admit(t *testing.T, line string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(s.dir, "authorized"), []byte(line+"\n"), 0o600))
}

func TestEncryptedKey(t *testing.T) {
	s := startSSHD(t)
	locked := filepath.Join(t.TempDir(), "locked")
	s.admit(t, lockedKeyFile(t, locked, "open sesame"))
	target := s.target(t)
	target.Identities = []string{s.key, locked} // the first is refused
	person := &asker{answers: []string{"wrong", "open sesame"}}
	p := newPool(t, PoolOptions{Prompt: person.prompt})
	ctx, rec := recording(t)
	errs := make(chan error)
	for range 2 { // asked once a run, however many hosts there are
		go func() { errs <- p.Host(target).Connect(ctx) }()
	}
	must(t, errors.Join(<-errs, <-errs))
	if len(person.asked) != 2 || !strings.Contains(person.asked[0], locked) {
		t.Errorf("asked %q", person.asked)
	}
	event.Emit(ctx, event.Event{Kind: event.Info, Text: "open sesame"})
	if e := rec.events[len(rec.events)-1]; e.Text != "[secret]" {
		t.Errorf("a passphrase was shown: %q", e.Text)
	}
	err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("without a terminal: %v", err)
	}
}

// lockedKeyFile writes a key pair with a passphrase that is quick to open.
func lockedKeyFile(t *testing.T, path, passphrase string) string {
	t.Helper()
	keygen(t, "-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f", path)
	public, err := os.ReadFile(path + ".pub")
	must(t, err)
	return string(public)
}

// A person may take longer than a machine.
func TestPromptStopsTheClock(t *testing.T) {
	s := startSSHD(t)
	locked := filepath.Join(t.TempDir(), "locked")
	s.admit(t, lockedKeyFile(t, locked, "pass"))
	target := s.target(t)
	target.Identities = []string{locked}
	p := newPool(t, PoolOptions{ConnectTimeout: 2 * time.Second, Prompt: func(ctx context.Context, _ string, _ bool) (string, error) {
		select {
		case <-time.After(3 * time.Second):
			return "pass", nil
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}})
	must(t, p.Host(target).Connect(t.Context()))
}

func TestKeyRefused(t *testing.T) {
	s := startSSHD(t)
	s.admit(t, newKey(t, filepath.Join(t.TempDir(), "other")))
	target := s.target(t)
	target.Identities = append(target.Identities, "/does/not/exist")
	err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
	var login *LoginError
	if !errors.As(err, &login) || len(login.Tried) != 1 || len(login.Missing) != 1 || event.Hint(err) == "" {
		t.Fatalf("%v: %+v", err, login)
	}
	public, err := os.ReadFile(s.key + ".pub")
	must(t, err)
	if want := s.key + " (" + gossh.FingerprintSHA256(parseKey(t, string(public))) + ")"; login.Tried[0] != want {
		t.Errorf("tried %q, want %q", login.Tried[0], want)
	}
	if !strings.Contains(login.Error(), "/does/not/exist: no such file") {
		t.Errorf("%v", login)
	}
}

// sshd answers as if the key were wrong, so that nobody learns which users there are.
func TestNoSuchUser(t *testing.T) {
	s := startSSHD(t)
	target := s.target(t)
	target.User = "nosuchuser"
	err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
	var login *LoginError
	if !errors.As(err, &login) || len(login.Tried) != 1 || !strings.Contains(err.Error(), "does not let nosuchuser log in") ||
		!strings.Contains(event.Hint(err), "if it has that user") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

func TestAgentHasNoKeys(t *testing.T) {
	target := startSSHD(t).target(t)
	target.Identities, target.IdentityAgent = nil, startAgent(t)
	err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the keys of the agent: it has none") || !strings.Contains(event.Hint(err), "ssh-add") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

func TestDefaultKeys(t *testing.T) {
	s := startSSHD(t)
	home := t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	s.admit(t, newKey(t, filepath.Join(home, ".ssh", "id_ed25519")))
	target := s.target(t)
	target.Identities = nil
	p := newPool(t, PoolOptions{Getenv: func(name string) string { return map[string]string{"HOME": home}[name] }})
	must(t, p.Host(target).Connect(t.Context()))
	target.Identities = []string{} // none at all
	if err := p.Host(target).Connect(t.Context()); err == nil {
		t.Error("a key was offered although none was to be")
	}
}

// startAgent starts a real ssh-agent with the given keys.
func startAgent(t *testing.T, keys ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install the package openssh-client", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "ssh-agent listens", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	for _, key := range keys {
		add := exec.Command("ssh-add", "-q", key)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v: %s", err, out)
		}
	}
	return socket
}

func TestAgentLogin(t *testing.T) {
	dir := t.TempDir()
	rsa := filepath.Join(dir, "rsa")
	keygen(t, "-q", "-t", "rsa", "-N", "", "-f", rsa)
	mine := filepath.Join(dir, "mine")
	newKey(t, mine)
	for _, key := range []string{rsa, mine} {
		public, err := os.ReadFile(key + ".pub")
		must(t, err)
		s := startSSHD(t)
		s.admit(t, string(public))
		target := s.target(t)
		target.Identities = []string{}
		target.IdentityAgent = startAgent(t, key)
		must(t, newPool(t, PoolOptions{}).Host(target).Connect(t.Context()))
		target.IdentityAgent = ""
		p := newPool(t, PoolOptions{Getenv: func(string) string { return startAgent(t, key) }})
		must(t, p.Host(target).Connect(t.Context()))
		target.IdentitiesOnly, target.IdentityAgent = true, startAgent(t, key)
		if err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context()); err == nil {
			t.Error("IdentitiesOnly offered another key of the agent")
		}
	}
}

func TestUserCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, key := filepath.Join(dir, "ca"), filepath.Join(dir, "key")
	newKey(t, ca)
	keygen(t, "-q", "-t", "rsa", "-N", "", "-f", key)
	keygen(t, "-q", "-s", ca, "-I", "admin", "-n", me(t), key+".pub")
	s := startSSHD(t, "TrustedUserCAKeys "+ca+".pub")
	target := s.target(t)
	target.Identities = []string{key}
	must(t, newPool(t, PoolOptions{}).Host(target).Connect(t.Context()))
	must(t, os.Rename(key+"-cert.pub", filepath.Join(dir, "elsewhere")))
	if err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context()); err == nil {
		t.Error("the key went without its certificate")
	}
	target.Certificates = []string{filepath.Join(dir, "elsewhere")}
	must(t, newPool(t, PoolOptions{}).Host(target).Connect(t.Context()))
}

// passwordServer takes a password and nothing else, by the method that is named.
func passwordServer(t *testing.T, method string) inventory.Host {
	t.Helper()
	config := &gossh.ServerConfig{}
	right := func(p string) (*gossh.Permissions, error) {
		if p != "right horse" {
			return nil, errors.New("wrong")
		}
		return &gossh.Permissions{}, nil
	}
	if method == "password" {
		config.PasswordCallback = func(_ gossh.ConnMetadata, p []byte) (*gossh.Permissions, error) { return right(string(p)) }
	} else {
		config.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			answers, err := ask("", "", []string{"Code: "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, err
			}
			return right(answers[0])
		}
	}
	return loginServer(t, config)
}

func TestPassword(t *testing.T) {
	for _, method := range []string{"password", "keyboard-interactive"} {
		target := passwordServer(t, method)
		person := &asker{answers: []string{"wrong", "right horse"}}
		must(t, newPool(t, PoolOptions{Prompt: person.prompt}).Host(target).Connect(t.Context()))
		if len(person.asked) != 2 || !strings.Contains(person.asked[0], "web1") {
			t.Errorf("%s: asked %q", method, person.asked)
		}
		person = &asker{answers: []string{"a", "b", "c", "d"}}
		err := newPool(t, PoolOptions{Prompt: person.prompt}).Host(target).Connect(t.Context())
		var login *LoginError
		if !errors.As(err, &login) || len(person.asked) != 3 {
			t.Errorf("%s: asked %d times: %v", method, len(person.asked), err)
		}
		err = newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
		if !errors.As(err, &login) || !strings.Contains(event.Hint(err), "terminal") {
			t.Errorf("%s, no terminal: %v, hint %q", method, err, event.Hint(err))
		}
		stopped := errors.New("stopped")
		err = newPool(t, PoolOptions{Prompt: func(context.Context, string, bool) (string, error) { return "", stopped }}).Host(target).Connect(t.Context())
		if !errors.Is(err, stopped) {
			t.Errorf("%s, stopped: %v", method, err)
		}
	}
}

// A host's words can't take away who asks, and they end.
func TestHostileQuestions(t *testing.T) {
	for name, c := range map[string]struct{ name, instruction, question, want string }{
		"erases the line": {"", "", "\r\x1b[2K\x9bpassphrase of ~/.ssh/id_ed25519: ", "web1 asks: [2K\uFFFDpassphrase of ~/.ssh/id_ed25519: "},
		"other lines":     {"Login\n", "to\nthis", "\n\n\nCode:\n", "web1 asks: Login to this Code: "},
		"reordered":       {"", "", "\u202eedoC\u2066", "web1 asks: edoC "},
		"nothing":         {"", "", "", "web1 asks: "},
	} {
		person := &asker{answers: []string{"x"}}
		target := loginServer(t, &gossh.ServerConfig{KeyboardInteractiveCallback: func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			_, err := ask(c.name, c.instruction, []string{c.question}, []bool{false})
			return &gossh.Permissions{}, err
		}})
		must(t, newPool(t, PoolOptions{Prompt: person.prompt}).Host(target).Connect(t.Context()))
		if len(person.asked) != 1 || person.asked[0] != c.want {
			t.Errorf("%s: asked %q, want %q", name, person.asked, c.want)
		}
	}
	person := &asker{}
	for range 20 {
		person.answers = append(person.answers, "x")
	}
	endless := loginServer(t, &gossh.ServerConfig{KeyboardInteractiveCallback: func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
		for {
			if _, err := ask("", "", []string{strings.Repeat("long ", 1000)}, []bool{false}); err != nil {
				return nil, err
			}
		}
	}})
	err := newPool(t, PoolOptions{Prompt: person.prompt}).Host(endless).Connect(t.Context())
	if err == nil || len(person.asked) != mostQuestions || !strings.Contains(err.Error(), "10 questions") {
		t.Errorf("asked %d times: %v", len(person.asked), err)
	}
	if q := person.asked[0]; len(q) > 200 {
		t.Errorf("asked %q", q)
	}
}
