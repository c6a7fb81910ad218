package ssh

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// publicKey returns the public half of a key file, which is in FILE.pub or in the file itself. It
// returns nil if neither can be read.
func publicKey(path string) gossh.PublicKey {
	if text, err := os.ReadFile(path + ".pub"); err == nil {
		if key, _, _, _, err := gossh.ParseAuthorizedKey(text); err == nil {
			return key
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	if key, _, _, _, err := gossh.ParseAuthorizedKey(text); err == nil {
		return key // IdentityFile may name the public half of a key in the agent
	}
	s, err := gossh.ParsePrivateKey(text)
	var locked *gossh.PassphraseMissingError
	switch {
	case err == nil:
		return s.PublicKey()
	case errors.As(err, &locked):
		return locked.PublicKey
	}
	return nil
}

// ParseKey parses the private key in the file path. An encrypted key is a
// *gossh.PassphraseMissingError. For any other file the error has a hint, such as the command that
// converts the key.
func ParseKey(path string, text []byte) (any, error) {
	raw, err := gossh.ParseRawPrivateKey(text)
	var locked *gossh.PassphraseMissingError
	if err == nil || errors.As(err, &locked) {
		return raw, err
	}
	file, quoteErr := Quote(path)
	if quoteErr != nil {
		file = "FILE"
	}
	switch public, _, _, _, notPublic := gossh.ParseAuthorizedKey(text); {
	case bytes.Contains(text, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----")):
		return nil, event.WithHint(errors.New("it is encrypted in the format PKCS#8, which runbook can't read"),
			"ssh-keygen -p -f "+file+" writes it in OpenSSH's own format")
	case bytes.HasPrefix(text, []byte("PuTTY-User-Key-File-")):
		return nil, event.WithHint(errors.New("it is in PuTTY's format"), "puttygen "+file+
			" -O private-openssh -o "+strings.TrimSuffix(file, ".ppk")+".key, and name that file")
	case notPublic == nil && strings.Contains(public.Type(), "-cert-v01@"):
		return nil, event.WithHint(errors.New("it is a certificate, not a private key"),
			"name the private key; a certificate beside it, FILE-cert.pub, is found")
	case notPublic == nil:
		return nil, event.WithHint(errors.New("it is a public key"), "name the private key, without .pub")
	}
	return nil, fmt.Errorf("not a private key: %w", err)
}

// keyFile reads a private key. The passphrase of an encrypted one is asked for when the server
// wants its signature.
func (s *server) keyFile(path string, a *authentication) (gossh.AlgorithmSigner, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	raw, err := ParseKey(path, text)
	var locked *gossh.PassphraseMissingError
	if errors.As(err, &locked) {
		if s.dialer.opts.Prompt == nil {
			return nil, event.WithHint(
				fmt.Errorf("%s: it is encrypted, and there is no terminal to ask for its passphrase", path),
				"put "+path+" into an agent (ssh-add), or run from a terminal")
		}
		open := func() (gossh.AlgorithmSigner, error) {
			a.limit.pause()
			defer a.limit.resume()
			ask := func(question string) (string, error) { return a.ask(question, true) }
			raw, err := s.dialer.passphrases.Open(a.limit.ctx, s.dialer.stream, path, text, ask)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return signer(path, raw)
		}
		public := publicKey(path)
		if public == nil {
			return open()
		}
		return &lockedKey{public, open}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer(path, raw)
}

func signer(path string, raw any) (gossh.AlgorithmSigner, error) {
	s, err := gossh.NewSignerFromKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	as, ok := s.(gossh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("%s: keys of type %s are not supported", path, s.PublicKey().Type())
	}
	return as, nil
}

// lockedKey is an encrypted key whose passphrase has not been asked for yet.
type lockedKey struct {
	public gossh.PublicKey
	open   func() (gossh.AlgorithmSigner, error)
}

func (l *lockedKey) PublicKey() gossh.PublicKey { return l.public }

func (l *lockedKey) Sign(rand io.Reader, data []byte) (*gossh.Signature, error) {
	return l.SignWithAlgorithm(rand, data, "")
}

func (l *lockedKey) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	s, err := l.open()
	if err != nil {
		return nil, err
	}
	return s.SignWithAlgorithm(rand, data, algorithm)
}

// Passphrases decrypts private keys. It asks for the passphrase of each file once: concurrent
// callers wait for the answer. The zero value is ready to use.
type Passphrases struct {
	once   sync.Once
	asking Mutex
	opened map[string]any // raw private keys by file
}

// Open decrypts the key file path, which holds pem. ask asks a person. Open asks up to three times
// after wrong answers; an empty answer gives up. No error contains the passphrase, and stream hides
// it.
func (p *Passphrases) Open(
	ctx context.Context, stream *event.Stream, path string, pem []byte,
	ask func(question string) (string, error),
) (any, error) {
	p.once.Do(func() { p.asking, p.opened = NewMutex(), map[string]any{} })
	if err := p.asking.Lock(ctx); err != nil {
		return nil, err
	}
	defer p.asking.Unlock()
	if raw, ok := p.opened[path]; ok {
		return raw, nil
	}
	for try := 1; ; try++ {
		passphrase, err := ask("passphrase of " + path + ": ")
		if err != nil {
			return nil, err
		}
		stream.AddSecret(passphrase)
		raw, err := gossh.ParseRawPrivateKeyWithPassphrase(pem, []byte(passphrase))
		if err == nil {
			p.opened[path] = raw
			return raw, nil
		}
		if try == maxTries || passphrase == "" {
			if errors.Is(err, x509.IncorrectPasswordError) {
				err = errors.New("wrong passphrase")
			}
			return nil, err
		}
	}
}

// home returns the admin's home folder.
func (d *Dialer) home() string {
	if home := d.opts.Getenv("HOME"); home != "" {
		return home
	}
	home, err := inventory.HomeDir()
	if err != nil {
		return "." // the files in it are optional
	}
	return home
}
