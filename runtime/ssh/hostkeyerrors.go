package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/skeema/knownhosts"
	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/event"
	"runbook/runtime/ssh/platform"
)

// UnknownKeyError reports a host whose key is in no known_hosts file.
type UnknownKeyError struct {
	Address     string // host:port
	Type        string // such as "ssh-ed25519"
	Fingerprint string // "SHA256:…"
	Accept      string // the command that makes the key known
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("the key of %s is not known: it shows %s %s", e.Address, e.Type, e.Fingerprint)
}

// ChangedKeyError reports a host whose key differs from the known or pinned one.
type ChangedKeyError struct {
	Address     string   // host:port
	Type        string   // such as "ssh-ed25519"
	Fingerprint string   // of the key that it presents, "SHA256:…"
	Known       []string // fingerprints of the known keys
	Places      []string // where these are: FILE:LINE, or "the hosts file"
	Accept      string   // the command that makes the new key the known one; "" if it is pinned
}

func (e *ChangedKeyError) Error() string {
	return fmt.Sprintf("the key of %s has changed: it shows %s %s, but %s has %s",
		e.Address, e.Type, e.Fingerprint, strings.Join(e.Places, ", "), strings.Join(e.Known, ", "))
}

// RevokedKeyError reports a host that presents a key that a known_hosts file revokes.
type RevokedKeyError struct {
	Address     string // host:port
	Fingerprint string // "SHA256:…"
	File        string
	Line        int
}

func (e *RevokedKeyError) Error() string {
	return fmt.Sprintf("%s shows the key %s, which %s:%d revokes", e.Address, e.Fingerprint, e.File, e.Line)
}

// PlainKey returns the key in a certificate, or key itself.
func PlainKey(key gossh.PublicKey) gossh.PublicKey {
	if c, ok := key.(*gossh.Certificate); ok {
		return c.Key
	}
	return key
}

// unknown returns the error of a key that is not known.
func (k *hostKeys) unknown(key gossh.PublicKey) error {
	key = PlainKey(key)
	e := &UnknownKeyError{
		Address:     address(k.server.target),
		Type:        key.Type(),
		Fingerprint: gossh.FingerprintSHA256(key),
		Accept:      k.accept(key),
	}
	hint := "compare the fingerprint with the one on the host's console " +
		"(ssh-keygen -lf /etc/ssh/ssh_host_" + shortType(key) + "_key.pub)"
	if e.Accept != "" {
		return event.WithHint(e, hint+"; only if it is the same, accept it: "+e.Accept)
	}
	if null := k.server.keepsNoKeys(); null != "" {
		hint = "the known_hosts file of this host is " + null +
			", as by UserKnownHostsFile in ssh_config: it can hold no key, " +
			"and runbook verifies every host's; name another with --known-hosts, or " + hint
	}
	return event.WithHint(e, hint+"; only if it is the same, pin it as host_key in the hosts file: "+quoteKey(key))
}

// changed returns the error of a key that differs from the known ones, want, or from the pinned
// one.
func (k *hostKeys) changed(key gossh.PublicKey, want []xknownhosts.KnownKey) error {
	key = PlainKey(key)
	e := &ChangedKeyError{
		Address:     address(k.server.target),
		Type:        key.Type(),
		Fingerprint: gossh.FingerprintSHA256(key),
	}
	warning := "either the host was reinstalled, or somebody intercepts the connection; " +
		"find out which before anything else, and compare the fingerprint on its console"
	if k.pinned != nil {
		e.Known, e.Places = []string{gossh.FingerprintSHA256(k.pinned)}, []string{"the hosts file (host_key)"}
		return event.WithHint(e, warning+"; only if the new key is right, pin it as host_key: "+quoteKey(key))
	}
	var remove []string
	for _, w := range want {
		e.Known = append(e.Known, gossh.FingerprintSHA256(w.Key))
		e.Places = append(e.Places, fmt.Sprintf("%s:%d", w.Filename, w.Line))
		name, errName := Quote(knownhosts.Normalize(k.address))
		file, errFile := Quote(w.Filename)
		command := "ssh-keygen -R " + name + " -f " + file
		if runtime.GOOS == "windows" {
			command = "ssh-keygen -R " + knownhosts.Normalize(k.address) + ` -f "` + w.Filename + `"`
		}
		if errName == nil && errFile == nil && !strings.Contains(strings.Join(remove, "\n"), command) {
			remove = append(remove, command)
		}
	}
	next := " && "
	if runtime.GOOS == "windows" { // PowerShell 5 has no &&
		next = "\n"
	}
	e.Accept = strings.Join(append(remove, k.accept(key)), next)
	return event.WithHint(e, warning+"; only if the new key is right, accept it: "+e.Accept)
}

// keepsNoKeys returns the first known_hosts file if keys cannot be stored in it, as in /dev/null,
// or "".
func (s *server) keepsNoKeys() string {
	files := s.knownHosts()
	if len(files) == 0 {
		return ""
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().IsRegular() {
		return ""
	}
	return files[0]
}

// accept returns the command that adds key to the first known_hosts file, or "" if no file can
// store it. The command contains the key: fetching it from the network again would trust whoever
// answers then.
func (k *hostKeys) accept(key gossh.PublicKey) string {
	files := k.server.knownHosts()
	if len(files) == 0 || k.server.keepsNoKeys() != "" {
		return ""
	}
	if runtime.GOOS == "windows" {
		return platform.AddLine(files[0], knownhosts.Line([]string{k.address}, key))
	}
	entry, errEntry := Quote(knownhosts.Line([]string{k.address}, key))
	file, errFile := Quote(files[0])
	dir, errDir := Quote(filepath.Dir(files[0]))
	if errEntry != nil || errFile != nil || errDir != nil {
		return ""
	}
	return "mkdir -p " + dir + " && printf '%s\\n' " + entry + " >> " + file
}

// quoteKey formats key for the hosts file.
func quoteKey(key gossh.PublicKey) string {
	return `"` + strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key))) + `"`
}

// shortType returns the part of a key's type that is in its file name on a host.
func shortType(key gossh.PublicKey) string {
	for _, t := range []string{"ed25519", "ecdsa"} {
		if strings.Contains(key.Type(), t) {
			return t
		}
	}
	return "rsa"
}
