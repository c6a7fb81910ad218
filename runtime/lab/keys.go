package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// writeKey makes an ed25519 key in OpenSSH's own format: the private half at path, mode 0600, the public half at
// path.pub.
func writeKey(path string) (gossh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", path, err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", path, err)
	}
	block, err := gossh.MarshalPrivateKey(private, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("make the key %s: %w", path, err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	line := publicLine(signer.PublicKey()) + " " + filepath.Base(path) + "\n"
	if err := os.WriteFile(path+".pub", []byte(line), 0o644); err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	return signer, nil
}

// readPublic reads the public half of the key at path.
func readPublic(path string) (gossh.PublicKey, error) {
	line, err := os.ReadFile(path + ".pub")
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, _, _, _, err := gossh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("read the key %s.pub: %w", path, err)
	}
	return key, nil
}

// publicLine is a key as authorized_keys and known_hosts spell it, without a comment or a newline.
func publicLine(key gossh.PublicKey) string {
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key)))
}

// keyName is how known_hosts names a server: its address, or [address]:port when the port is not 22.
func keyName(address string, port int) string {
	if port == 22 {
		return address
	}
	return fmt.Sprintf("[%s]:%d", address, port)
}
