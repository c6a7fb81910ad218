package inventory

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// keyTypes lists the types of host keys that can be pinned. ssh-dss is broken, and certificates are
// verified by their authority in known_hosts.
func keyTypes() []string {
	return []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}
}

// parseHostKey parses a public key line, "TYPE BASE64 [comment]", and returns it without the
// comment. An error never repeats the line: it may be a private key pasted by mistake.
func parseHostKey(line string) (string, error) {
	const want = `want a public key line such as "ssh-ed25519 AAAA…"`
	line = strings.TrimSpace(line)
	if strings.Contains(line, "PRIVATE KEY") {
		return "", event.WithHint(errors.New(want+", got a private key"),
			"the public key is in the .pub file beside it; on the host: /etc/ssh/ssh_host_ed25519_key.pub")
	}
	if strings.ContainsAny(line, "\r\n") {
		return "", errors.New(want + ", got several lines")
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", errors.New(want)
	}
	if !slices.Contains(keyTypes(), words[0]) {
		err := fmt.Errorf("%s: %.40q is not a key type that can be pinned (%s)", want, words[0],
			strings.Join(keyTypes(), ", "))
		if slices.Contains(keyTypes(), words[1]) {
			err = event.WithHint(err, "remove the host name, with which a known_hosts line begins")
		}
		return "", err
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return "", errors.New(want + ": invalid base64 after the type; was the line cut?")
	}
	if !isKeyBlob(words[0], blob) {
		return "", fmt.Errorf("%s: invalid %s key after the type; was the line cut?", want, words[0])
	}
	return words[0] + " " + words[1], nil
}

// isKeyBlob reports whether blob has the structure of a key of this type (RFC 4253, 6.6): its type,
// then at least one more field, each preceded by its length, and nothing after. The ssh library
// checks the key itself.
func isKeyBlob(keyType string, blob []byte) bool {
	for fields := 0; ; fields++ {
		if len(blob) == 0 {
			return fields >= 2
		}
		if len(blob) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32(blob)
		if uint64(n) > uint64(len(blob)-4) {
			return false
		}
		if fields == 0 && string(blob[4:4+n]) != keyType {
			return false
		}
		blob = blob[4+n:]
	}
}
