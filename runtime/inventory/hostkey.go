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

// keyTypes are the host keys that can be pinned. ssh-dss is broken, and a certificate is checked through its
// authority, in known_hosts.
func keyTypes() []string {
	return []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}
}

// parseHostKey reads a public key line, "TYPE BASE64 [comment]", and returns it without the comment. An error never
// repeats the line: it may be a private key, pasted by mistake.
func parseHostKey(line string) (string, error) {
	const want = `want a public key line such as "ssh-ed25519 AAAA…"`
	line = strings.TrimSpace(line)
	if strings.Contains(line, "PRIVATE KEY") {
		return "", event.WithHint(errors.New(want+", got a private key"), "the public half is in the .pub file beside it; on the host: /etc/ssh/ssh_host_ed25519_key.pub")
	}
	if strings.ContainsAny(line, "\r\n") {
		return "", errors.New(want + ", got several lines")
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return "", errors.New(want)
	}
	if !slices.Contains(keyTypes(), words[0]) {
		err := fmt.Errorf("%s: %.40q is no type of key that can be pinned (%s)", want, words[0], strings.Join(keyTypes(), ", "))
		if slices.Contains(keyTypes(), words[1]) {
			err = event.WithHint(err, "leave out what stands in front of the type: a known_hosts line begins with the host's name")
		}
		return "", err
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return "", errors.New(want + ": what follows the type is not base64; was the line cut?")
	}
	if !isKeyBlob(words[0], blob) {
		return "", fmt.Errorf("%s: what follows the type is no %s key; was the line cut?", want, words[0])
	}
	return words[0] + " " + words[1], nil
}

// isKeyBlob says whether blob is built like a key of that type (RFC 4253, 6.6): its type, then at least one more
// field, each with its length in front, and nothing after. Whether it is a point on the curve is for the ssh
// library to say.
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
