package ssh

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// Known is what known_hosts files say about one server, for those who verify its key elsewhere: an ssh on a host, or the agent.
type Known struct {
	Keys        []gossh.PublicKey      // the server's own keys
	Authorities []gossh.PublicKey      // keys that may certify it (@cert-authority)
	Revoked     []xknownhosts.KnownKey // keys that nothing is believed by (@revoked), for whichever server they are listed
}

// KnownServer reads what the files say about the server at address, "host" or "[host]:port". Hashed names and patterns count.
// Files that don't exist count as empty.
func KnownServer(files []string, address string) (Known, error) {
	files, err := existing(files)
	if err != nil {
		return Known{}, err
	}
	db, err := openKnown(files)
	if err != nil || db == nil {
		return Known{}, err
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "22")
	}
	var k Known
	for _, key := range db.HostKeys(address) {
		if key.Cert {
			k.Authorities = append(k.Authorities, key.PublicKey)
		} else {
			k.Keys = append(k.Keys, key.PublicKey)
		}
	}
	for _, file := range files {
		revoked, err := revokedKeys(file)
		if err != nil {
			return Known{}, fmt.Errorf("known_hosts: %w", err)
		}
		k.Revoked = append(k.Revoked, revoked...)
	}
	return k, nil
}

// revokedKeys reads the @revoked lines of a known_hosts file, which the known_hosts packages apply but don't list. Like them it
// skips lines that don't parse.
func revokedKeys(file string) (keys []xknownhosts.KnownKey, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		marker, _, key, _, _, err := gossh.ParseKnownHosts(lines.Bytes())
		if err == nil && marker == "revoked" {
			keys = append(keys, xknownhosts.KnownKey{Key: key, Filename: file, Line: n})
		}
	}
	return keys, lines.Err()
}

// Empty says whether nothing is known that the server could be recognized by.
func (k Known) Empty() bool { return len(k.Keys) == 0 && len(k.Authorities) == 0 }

// Lines are the lines of a known_hosts file that say the same about a server that its reader looks up by name.
func (k Known) Lines(name string) []string {
	var lines []string
	for _, key := range k.Keys {
		lines = append(lines, knownLine(name, key))
	}
	for _, key := range k.Authorities {
		lines = append(lines, knownLine("@cert-authority "+name, key))
	}
	return append(lines, k.RevokedLines()...)
}

// RevokedLines are the lines of a known_hosts file that revoke the same keys, for all servers.
func (k Known) RevokedLines() []string {
	var lines []string
	for _, r := range k.Revoked {
		lines = append(lines, knownLine("@revoked *", r.Key))
	}
	return lines
}

func knownLine(name string, key gossh.PublicKey) string {
	return name + " " + strings.TrimSpace(string(gossh.MarshalAuthorizedKey(key)))
}

// ErrNotKnown is a key that no known_hosts file has for the server.
var ErrNotKnown = errors.New("not a known key of this server")

// Check returns nil when the server called host may identify itself by key, a plain key or a certificate. The error is a
// RevokedKeyError, ErrNotKnown, or says what is wrong with the certificate.
func (k Known) Check(host string, key gossh.PublicKey) error {
	cert, isCert := key.(*gossh.Certificate)
	by := []gossh.PublicKey{PlainKey(key)}
	if isCert {
		by = append(by, cert.SignatureKey)
	}
	for _, one := range by {
		if i := slices.IndexFunc(k.Revoked, func(r xknownhosts.KnownKey) bool { return sameKey(r.Key, one) }); i >= 0 {
			return &RevokedKeyError{Address: host, Fingerprint: gossh.FingerprintSHA256(one), File: k.Revoked[i].Filename, Line: k.Revoked[i].Line}
		}
	}
	// OpenSSH, too, believes a server by its own key when the certificate around it is of no use.
	if containsKey(k.Keys, PlainKey(key)) {
		return nil
	}
	if !isCert || !containsKey(k.Authorities, cert.SignatureKey) {
		return ErrNotKnown
	}
	if err := checkHostCertificate(host, cert); err != nil {
		return fmt.Errorf("the certificate of %s is not valid: %w", host, err)
	}
	return nil
}

// checkAuthorityAlgorithm refuses a certificate that was signed by another algorithm than allowed. Where nothing is said, it is as
// in OpenSSH SHA-1 that is left out, which x/crypto takes.
func checkAuthorityAlgorithm(cert *gossh.Certificate, allowed inventory.Algorithms) error {
	by := cert.Signature.Format
	switch {
	case !allowed.Allow(by):
		return fmt.Errorf("its authority signed it by %s, which %s doesn't allow", by, allowed.From)
	case len(allowed.Names) == 0 && by == gossh.KeyAlgoRSA:
		return errors.New("its authority signed it with SHA-1")
	}
	return nil
}

// checkHostCertificate verifies a host certificate of an authority that is trusted.
func checkHostCertificate(host string, cert *gossh.Certificate) error {
	if err := checkAuthorityAlgorithm(cert, inventory.Algorithms{}); err != nil {
		return err
	}
	checker := gossh.CertChecker{IsHostAuthority: func(gossh.PublicKey, string) bool { return true }}
	return checker.CheckHostKey(net.JoinHostPort(host, "22"), nil, cert)
}

// Usable returns k without revoked keys, or an error when nothing is left of it.
func (k Known) Usable(address string) (Known, error) {
	left := k
	var revoked error
	keep := func(keys []gossh.PublicKey) []gossh.PublicKey {
		var kept []gossh.PublicKey
		for _, key := range keys {
			i := slices.IndexFunc(k.Revoked, func(r xknownhosts.KnownKey) bool { return sameKey(r.Key, key) })
			if i < 0 {
				kept = append(kept, key)
				continue
			}
			revoked = event.WithHint(fmt.Errorf("the only key that is known of %s, %s, is revoked in %s:%d",
				address, gossh.FingerprintSHA256(key), k.Revoked[i].Filename, k.Revoked[i].Line),
				"ask its admin for the new key, compare the fingerprint, and add it to known_hosts")
		}
		return kept
	}
	left.Keys, left.Authorities = keep(k.Keys), keep(k.Authorities)
	if left.Empty() && revoked != nil {
		return Known{}, revoked
	}
	return left, nil
}

func sameKey(a, b gossh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

func containsKey(keys []gossh.PublicKey, key gossh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k gossh.PublicKey) bool { return sameKey(k, key) })
}
