package secret

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"

	"runbook/runtime/event"
)

// decrypt returns the text of a file that age has encrypted.
func decrypt(path, identity string) (string, error) {
	encrypted, err := readAt(path)
	if err != nil {
		return "", err
	}
	identities, err := readIdentities(identity)
	if err != nil {
		return "", err
	}
	var in io.Reader = strings.NewReader(encrypted)
	if strings.HasPrefix(strings.TrimSpace(encrypted), armor.Header) {
		in = armor.NewReader(in)
	}
	out, err := age.Decrypt(in, identities...)
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other):
		return "", event.WithHint(
			fmt.Errorf("%s is encrypted to other identities than those in %s, or with a passphrase", path, identity),
			"encrypt it to a recipient: age -r PUBLIC_KEY -o "+path)
	case err != nil:
		return "", fmt.Errorf("decrypt %s: %w", path, err)
	}
	text, err := io.ReadAll(out) // the text is shorter than the file
	if err != nil {
		return "", fmt.Errorf("decrypt %s: %w", path, err)
	}
	return withoutBreak(string(text), path+" is empty")
}

// readIdentities reads a file with identities of age, or an SSH key.
func readIdentities(path string) ([]age.Identity, error) {
	text, err := readAt(path)
	if err != nil {
		return nil, event.WithHint(fmt.Errorf("the identity: %w", err),
			"age-keygen writes one; identity = names another file")
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		one, err := agessh.ParseIdentity([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("the identity %s: %w", path, err)
		}
		return []age.Identity{one}, nil
	}
	identities, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the identity %s: %w", path, err)
	}
	return identities, nil
}
