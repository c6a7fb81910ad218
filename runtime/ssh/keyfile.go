package ssh

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// publicOf is the public half that stands beside a key file, or in it; nil when neither can be read.
func publicOf(path string) gossh.PublicKey {
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
		return key // IdentityFile may name the public half of a key that the agent holds
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

// keyFile reads a private key. One with a passphrase asks for it only when the server wants it to sign.
func (h *Host) keyFile(path string, a *authentication) (gossh.AlgorithmSigner, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	s, err := gossh.ParsePrivateKey(text)
	var locked *gossh.PassphraseMissingError
	if errors.As(err, &locked) {
		open := func() (gossh.AlgorithmSigner, error) {
			a.limit.pause()
			defer a.limit.resume()
			s, err := h.pool.unlock(a.limit.ctx, path, text, func(q string) (string, error) { return a.ask(q, true) })
			if err != nil {
				return nil, err
			}
			return able(path, s)
		}
		public := publicOf(path)
		if public == nil {
			return open()
		}
		if h.pool.opts.Prompt == nil {
			return nil, fmt.Errorf("%s: has a passphrase, and there is no terminal to ask on", path)
		}
		return &lockedKey{public, open}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: is no private key: %w", path, err)
	}
	return able(path, s)
}

func able(path string, s gossh.Signer) (gossh.AlgorithmSigner, error) {
	as, ok := s.(gossh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("%s: a key of type %s can't be used here", path, s.PublicKey().Type())
	}
	return as, nil
}

// lockedKey is a key with a passphrase that nobody was asked for yet.
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

// home is the admin's home folder.
func (p *Pool) home() string {
	if home := p.opts.Getenv("HOME"); home != "" {
		return home
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	return home
}

// expand replaces a leading "~/".
func (p *Pool) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(p.home(), rest)
	}
	return path
}

// plainError is "PATH: reason", without the name of the system call.
func plainError(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Path + ": " + at.Err.Error()
	}
	return err.Error()
}
