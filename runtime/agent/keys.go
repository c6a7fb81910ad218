package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// Prompt asks whoever sits at the terminal. nil means that there is no terminal.
type Prompt func(ctx context.Context, question string, secret bool) (string, error)

// Key is a private key that the agent may sign with.
type Key struct{ signer gossh.AlgorithmSigner }

// Public is the key's public half.
func (k Key) Public() gossh.PublicKey { return k.signer.PublicKey() }

// Keys reads private keys from files on this machine, and remembers them so that a passphrase is asked for once
// a run. The zero value has no terminal to ask on.
type Keys struct {
	Prompt Prompt

	mu     sync.Mutex
	loaded map[string]Key
}

// Load reads a key file; "~/" is the home folder. An encrypted key is asked its passphrase for, once.
func (k *Keys) Load(ctx context.Context, file string) (Key, error) {
	path := file
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return Key{}, fmt.Errorf("key %s: %w", file, err)
		}
		path = filepath.Join(home, rest)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", file, err)
	}
	// Held while the question stands: all hosts of a run wait for the one answer.
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
			err = at.Err // the path is named already
		}
		return Key{}, event.WithHint(err, "the key is read on this machine; for a key that lies on the server use --agent host")
	}
	raw, err := gossh.ParseRawPrivateKey(pem)
	var locked *gossh.PassphraseMissingError
	if errors.As(err, &locked) {
		raw, err = k.unlock(ctx, path, pem)
	}
	if err != nil {
		if _, _, _, _, e := gossh.ParseAuthorizedKey(pem); e == nil {
			return Key{}, event.WithHint(errors.New("it is a public key"), "name the private key, without .pub")
		}
		return Key{}, err
	}
	signer, err := gossh.NewSignerFromKey(raw)
	if err != nil {
		return Key{}, err
	}
	able, ok := signer.(gossh.AlgorithmSigner)
	if !ok || len(algorithms(signer.PublicKey().Type())) == 0 {
		return Key{}, fmt.Errorf("keys of kind %s are not supported; make one with `ssh-keygen -t ed25519`", signer.PublicKey().Type())
	}
	return Key{able}, nil
}

// unlock asks for the passphrase. The passphrase itself appears in no error and no event.
func (k *Keys) unlock(ctx context.Context, path string, pem []byte) (any, error) {
	if k.Prompt == nil {
		return nil, event.WithHint(errors.New("it is encrypted, and there is no terminal to ask for its passphrase"),
			"run this in a terminal, or name a deploy key without a passphrase")
	}
	passphrase, err := k.Prompt(ctx, "passphrase of "+path, true)
	if err != nil {
		return nil, err
	}
	event.AddSecret(ctx, passphrase)
	raw, err := gossh.ParseRawPrivateKeyWithPassphrase(pem, []byte(passphrase))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errors.New("the passphrase is wrong")
	}
	return raw, err
}
