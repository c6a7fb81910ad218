package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// Prompt asks the person at the terminal. nil means that there is no terminal.
type Prompt func(ctx context.Context, question string, secret bool) (string, error)

// Key is a private key.
type Key struct{ signer gossh.AlgorithmSigner }

// Public returns the public key.
func (k Key) Public() gossh.PublicKey { return k.signer.PublicKey() }

// Keys reads private keys from files on this machine. It caches them, so that a passphrase is asked
// for once per run. The zero value has no terminal to ask on.
type Keys struct {
	Prompt Prompt
	Stream *event.Stream // hides the passphrases; needed with Prompt

	passphrases ssh.Passphrases

	mu     sync.Mutex
	loaded map[string]Key
}

// Load reads a key file; "~/" is the home folder. For an encrypted key it asks for the passphrase,
// once.
func (k *Keys) Load(ctx context.Context, file string) (Key, error) {
	path, err := inventory.ExpandHome(file)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", file, err)
	}
	// Locked while the person is asked: all hosts of a run wait for the one answer.
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.loaded[path]; ok {
		return key, nil
	}
	key, err := k.read(ctx, path)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", file, err)
	}
	if k.loaded == nil {
		k.loaded = map[string]Key{}
	}
	k.loaded[path] = key
	return key, nil
}

func (k *Keys) read(ctx context.Context, path string) (Key, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err // the caller names the path
		}
		return Key{}, event.WithHint(err, "the key file is on this machine; for a key on the host use --agent host")
	}
	raw, err := ssh.ParseKey(path, pem)
	var locked *gossh.PassphraseMissingError
	if errors.As(err, &locked) {
		raw, err = k.unlock(ctx, path, pem)
	}
	if err != nil {
		return Key{}, err
	}
	signer, err := gossh.NewSignerFromKey(raw)
	if err != nil {
		return Key{}, err
	}
	able, ok := signer.(gossh.AlgorithmSigner)
	if !ok || len(algorithms(signer.PublicKey().Type())) == 0 {
		return Key{}, event.WithHint(fmt.Errorf("key type %s is not supported", signer.PublicKey().Type()),
			"make a key with `ssh-keygen -t ed25519`")
	}
	return Key{able}, nil
}

// unlock asks for the passphrase, which appears in no error and no event.
func (k *Keys) unlock(ctx context.Context, path string, pem []byte) (any, error) {
	if k.Prompt == nil {
		return nil, event.WithHint(errors.New("is encrypted, and there is no terminal to ask for the passphrase"),
			"run this in a terminal, or use a deploy key without a passphrase")
	}
	return k.passphrases.Open(ctx, k.Stream, path, pem,
		func(question string) (string, error) { return k.Prompt(ctx, question, true) })
}
