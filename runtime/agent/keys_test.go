package agent

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/lab/labtest"
)

// keyFile writes a new key to a file, encrypted if there is a passphrase.
func keyFile(t *testing.T, passphrase string) (path string, public gossh.PublicKey) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	public = labtest.Key(t, path)
	if passphrase == "" {
		return path, public
	}
	// One round of key derivation is enough for a test.
	if out, err := exec.Command("ssh-keygen", "-q", "-p", "-a", "1", "-N", passphrase, "-f",
		path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen (of openssh-client): %v: %s", err, out)
	}
	return path, public
}

// The hosts of a run load the same key at the same time; the person is asked once.
func TestPassphraseIsAskedForOnce(t *testing.T) {
	const passphrase = "correct horse"
	path, public := keyFile(t, passphrase)
	asked := 0
	rec := &recorder{}
	stream := event.NewStream(rec)
	keys := &Keys{Stream: stream, Prompt: func(_ context.Context, question string, secret bool) (string, error) {
		asked++
		if !secret || !strings.Contains(question, path) {
			t.Errorf("asked %q, secret: %v", question, secret)
		}
		return passphrase, nil
	}}
	ctx := event.WithStream(t.Context(), stream)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			key, err := keys.Load(ctx, path)
			if err != nil || string(key.Public().Marshal()) != string(public.Marshal()) {
				t.Errorf("loaded %v, %v", key, err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if shown := stream.Redact("said " + passphrase); strings.Contains(shown, passphrase) {
		t.Errorf("the passphrase would be shown: %s", shown)
	}
}

func TestLoadErrors(t *testing.T) {
	locked, _ := keyFile(t, "right")
	plain, _ := keyFile(t, "")
	refuse := errors.New("interrupted")
	answer := func(text string, err error) *Keys {
		return &Keys{Stream: event.NewStream(), Prompt: func(context.Context, string, bool) (string,
			error) {
			return text, err
		}}
	}
	for name, test := range map[string]struct {
		keys *Keys
		path string
		want string
	}{
		"missing":        {answer("", nil), "/nonexistent/key", "key /nonexistent/key: no such file"},
		"no terminal":    {&Keys{}, locked, "encrypted, and there is no terminal"},
		"wrong":          {answer("wrong", nil), locked, "wrong passphrase"},
		"not answered":   {answer("", refuse), locked, "interrupted"},
		"the public key": {answer("", nil), plain + ".pub", "is a public key"},
		"no key":         {answer("", nil), "/dev/null", "no key found"},
	} {
		if _, err := test.keys.Load(t.Context(), test.path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", name, err, test.want)
		}
	}
}

func TestLoadFromHome(t *testing.T) {
	path, public := keyFile(t, "")
	t.Setenv("HOME", filepath.Dir(path))
	key, err := (&Keys{}).Load(t.Context(), "~/key")
	if err != nil {
		t.Fatal(err)
	}
	if string(key.Public().Marshal()) != string(public.Marshal()) {
		t.Errorf("loaded %v", key)
	}
}
