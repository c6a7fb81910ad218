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
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

func TestEncryptedKey(t *testing.T) {
	s := sshtest.Start(t)
	locked := filepath.Join(t.TempDir(), "locked")
	s.Admit(t, lockedKeyFile(t, locked, "open sesame"))
	target := s.Target(t)
	target.Identities = []string{s.Key, locked} // the first is refused
	person := &sshtest.Asker{Answers: []string{"wrong", "open sesame"}}
	ctx, rec := sshtest.Recording(t)
	d := newDialerTo(t, rec.Stream, Options{Prompt: person.Prompt})
	errs := make(chan error)
	for range 2 { // asked once for all hosts
		go func() { errs <- dial(ctx, t, d, target) }()
	}
	must(t, errors.Join(<-errs, <-errs))
	if len(person.Asked) != 2 || !strings.Contains(person.Asked[0], locked) {
		t.Errorf("asked %q", person.Asked)
	}
	event.Emit(ctx, event.Event{Kind: event.Info, Text: "open sesame"})
	if e := rec.Events[len(rec.Events)-1]; e.Text != "[secret]" {
		t.Errorf("a passphrase was shown: %q", e.Text)
	}
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	if err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("without a terminal: %v", err)
	}
}

// lockedKeyFile writes an encrypted key pair that is quick to decrypt, and returns its public line.
func lockedKeyFile(t *testing.T, path, passphrase string) string {
	t.Helper()
	sshtest.Keygen(t, "-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f", path)
	public, err := os.ReadFile(path + ".pub")
	must(t, err)
	return string(public)
}

// The time that a person takes to answer does not count toward the timeout.
func TestPromptStopsTheClock(t *testing.T) {
	s := sshtest.Start(t)
	locked := filepath.Join(t.TempDir(), "locked")
	s.Admit(t, lockedKeyFile(t, locked, "pass"))
	target := s.Target(t)
	target.Identities = []string{locked}
	d := newDialer(t, Options{ConnectTimeout: 2 * time.Second,
		Prompt: func(ctx context.Context, _ string, _ bool) (string, error) {
			select {
			case <-time.After(3 * time.Second):
				return "pass", nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}})
	must(t, dial(t.Context(), t, d, target))
}

func TestKeyRefused(t *testing.T) {
	s := sshtest.Start(t)
	s.Admit(t, sshtest.NewKey(t, filepath.Join(t.TempDir(), "other")))
	target := s.Target(t)
	target.Identities = append(target.Identities, "/does/not/exist")
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	var login *LoginError
	if !errors.As(err, &login) || len(login.Tried) != 1 || len(login.Missing) != 1 || event.Hint(err) == "" {
		t.Fatalf("%v: %+v", err, login)
	}
	public, err := os.ReadFile(s.Key + ".pub")
	must(t, err)
	if want := s.Key + " (" + gossh.FingerprintSHA256(sshtest.ParseKey(t, string(public))) +
		")"; login.Tried[0] != want {
		t.Errorf("tried %q, want %q", login.Tried[0], want)
	}
	if !strings.Contains(login.Error(), "/does/not/exist: no such file") {
		t.Errorf("%v", login)
	}
}

// sshd does not reveal that a user does not exist, so the hint only mentions it.
func TestNoSuchUser(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	target.User = "nosuchuser"
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	var login *LoginError
	if !errors.As(err, &login) || len(login.Tried) != 1 ||
		!strings.Contains(err.Error(), "does not let nosuchuser log in") ||
		!strings.Contains(event.Hint(err), "if it has that user") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

func TestAgentHasNoKeys(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	target.Identities, target.IdentityAgent = nil, startAgent(t)
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	if err == nil || !strings.Contains(err.Error(), "the keys of the agent: it has none") ||
		!strings.Contains(event.Hint(err), "ssh-add") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

func TestDefaultKeys(t *testing.T) {
	s := sshtest.Start(t)
	home := t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	s.Admit(t, sshtest.NewKey(t, filepath.Join(home, ".ssh", "id_ed25519")))
	target := s.Target(t)
	target.Identities = nil
	d := newDialer(t, Options{Getenv: func(name string) string { return map[string]string{"HOME": home}[name] }})
	must(t, dial(t.Context(), t, d, target))
	target.Identities = []string{} // none at all
	if err := dial(t.Context(), t, d, target); err == nil {
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
	sshtest.Eventually(t, "ssh-agent listens", func() bool {
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
	sshtest.Keygen(t, "-q", "-t", "rsa", "-N", "", "-f", rsa)
	mine := filepath.Join(dir, "mine")
	sshtest.NewKey(t, mine)
	for _, key := range []string{rsa, mine} {
		public, err := os.ReadFile(key + ".pub")
		must(t, err)
		s := sshtest.Start(t)
		s.Admit(t, string(public))
		target := s.Target(t)
		target.Identities = []string{}
		target.IdentityAgent = startAgent(t, key)
		must(t, dial(t.Context(), t, newDialer(t, Options{}), target))
		target.IdentityAgent = ""
		d := newDialer(t, Options{Getenv: func(string) string { return startAgent(t, key) }})
		must(t, dial(t.Context(), t, d, target))
		target.IdentitiesOnly, target.IdentityAgent = true, startAgent(t, key)
		if err := dial(t.Context(), t, newDialer(t, Options{}), target); err == nil {
			t.Error("IdentitiesOnly offered another key of the agent")
		}
	}
}

func TestUserCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, key := filepath.Join(dir, "ca"), filepath.Join(dir, "key")
	sshtest.NewKey(t, ca)
	sshtest.Keygen(t, "-q", "-t", "rsa", "-N", "", "-f", key)
	sshtest.Keygen(t, "-q", "-s", ca, "-I", "admin", "-n", sshtest.Me(t), key+".pub")
	s := sshtest.Start(t, "TrustedUserCAKeys "+ca+".pub")
	target := s.Target(t)
	target.Identities = []string{key}
	must(t, dial(t.Context(), t, newDialer(t, Options{}), target))
	must(t, os.Rename(key+"-cert.pub", filepath.Join(dir, "elsewhere")))
	if err := dial(t.Context(), t, newDialer(t, Options{}), target); err == nil {
		t.Error("the key went without its certificate")
	}
	target.Certificates = []string{filepath.Join(dir, "elsewhere")}
	must(t, dial(t.Context(), t, newDialer(t, Options{}), target))
}

// passwordServer accepts a password by one method and nothing else.
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
		config.PasswordCallback = func(_ gossh.ConnMetadata, p []byte) (*gossh.Permissions,
			error) {
			return right(string(p))
		}
	} else {
		config.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata,
			ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
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
		person := &sshtest.Asker{Answers: []string{"wrong", "right horse"}}
		must(t, dial(t.Context(), t, newDialer(t, Options{Prompt: person.Prompt}), target))
		if len(person.Asked) != 2 || !strings.Contains(person.Asked[0], "web1") {
			t.Errorf("%s: asked %q", method, person.Asked)
		}
		person = &sshtest.Asker{Answers: []string{"a", "b", "c", "d"}}
		err := dial(t.Context(), t, newDialer(t, Options{Prompt: person.Prompt}), target)
		var login *LoginError
		if !errors.As(err, &login) || len(person.Asked) != 3 {
			t.Errorf("%s: asked %d times: %v", method, len(person.Asked), err)
		}
		err = dial(t.Context(), t, newDialer(t, Options{}), target)
		if !errors.As(err, &login) || !strings.Contains(event.Hint(err), "terminal") {
			t.Errorf("%s, no terminal: %v, hint %q", method, err, event.Hint(err))
		}
		stopped := errors.New("stopped")
		err = dial(t.Context(), t, newDialer(t, Options{Prompt: func(context.Context, string, bool) (string,
			error) {
			return "", stopped
		}}), target)
		if !errors.Is(err, stopped) {
			t.Errorf("%s, stopped: %v", method, err)
		}
	}
}

// Whatever a host asks, its name comes first, and the number of questions is limited.
func TestHostileQuestions(t *testing.T) {
	for name, c := range map[string]struct{ name, instruction, question, want string }{
		"erases the line": {"", "", "\r\x1b[2K\x9bpassphrase of ~/.ssh/id_ed25519: ",
			"web1 asks: [2K\uFFFDpassphrase of ~/.ssh/id_ed25519: "},
		"other lines": {"Login\n", "to\nthis", "\n\n\nCode:\n", "web1 asks: Login to this Code: "},
		"reordered":   {"", "", "\u202eedoC\u2066", "web1 asks: edoC "},
		"nothing":     {"", "", "", "web1 asks: "},
	} {
		person := &sshtest.Asker{Answers: []string{"x"}}
		target := loginServer(t, &gossh.ServerConfig{KeyboardInteractiveCallback: func(_ gossh.ConnMetadata,
			ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			_, err := ask(c.name, c.instruction, []string{c.question}, []bool{false})
			return &gossh.Permissions{}, err
		}})
		must(t, dial(t.Context(), t, newDialer(t, Options{Prompt: person.Prompt}), target))
		if len(person.Asked) != 1 || person.Asked[0] != c.want {
			t.Errorf("%s: asked %q, want %q", name, person.Asked, c.want)
		}
	}
	person := &sshtest.Asker{}
	for range 20 {
		person.Answers = append(person.Answers, "x")
	}
	endless := loginServer(t, &gossh.ServerConfig{KeyboardInteractiveCallback: func(_ gossh.ConnMetadata,
		ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
		for {
			if _, err := ask("", "", []string{strings.Repeat("long ", 1000)}, []bool{false}); err != nil {
				return nil, err
			}
		}
	}})
	err := dial(t.Context(), t, newDialer(t, Options{Prompt: person.Prompt}), endless)
	if err == nil || len(person.Asked) != maxQuestions || !strings.Contains(err.Error(), "10 questions") {
		t.Errorf("asked %d times: %v", len(person.Asked), err)
	}
	if q := person.Asked[0]; len(q) > 200 {
		t.Errorf("asked %q", q)
	}
}
