package ssh

import (
	"bufio"
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
	"runbook/runtime/ssh/known"
)

// Known holds what known_hosts files contain about one server. It is for code that verifies the
// server's key elsewhere: ssh on a host, or the agent.
type Known struct {
	Keys        []gossh.PublicKey      // the server's own keys
	Authorities []gossh.PublicKey      // keys that may certify it (@cert-authority)
	Revoked     []xknownhosts.KnownKey // keys that are refused (@revoked), on lines for any server
}

// KnownServer reads the files' entries for the server at address, "host" or "[host]:port". Hashed
// names and patterns match. Missing files count as empty.
func KnownServer(files []string, address string) (Known, error) {
	files, err := known.Existing(files)
	if err != nil {
		return Known{}, err
	}
	db, err := new(known.Files).Open(files)
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

// revokedKeys reads the @revoked lines of a known_hosts file. The known_hosts packages apply them
// but do not list them. Like those packages it skips lines that do not parse.
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

// Empty reports whether no key could identify the server.
func (k Known) Empty() bool { return len(k.Keys) == 0 && len(k.Authorities) == 0 }

// Lines returns k as lines of a known_hosts file, for a reader that looks the server up as name.
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

// RevokedLines returns the revoked keys as lines of a known_hosts file, for all servers.
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

// ErrNotKnown reports a key that no known_hosts file has for the server.
var ErrNotKnown = errors.New("not a known key of this server")

// Check returns nil if the server called host may identify itself with key, a plain key or a
// certificate. It fails with *RevokedKeyError, ErrNotKnown, or the reason why the certificate is
// not valid.
func (k Known) Check(host string, key gossh.PublicKey) error {
	cert, isCert := key.(*gossh.Certificate)
	involved := []gossh.PublicKey{PlainKey(key)}
	if isCert {
		involved = append(involved, cert.SignatureKey)
	}
	for _, key := range involved {
		if r := k.revocation(key); r != nil {
			fingerprint := gossh.FingerprintSHA256(key)
			return &RevokedKeyError{Address: host, Fingerprint: fingerprint, File: r.Filename, Line: r.Line}
		}
	}
	// OpenSSH, too, accepts a server by its own key if the certificate is of no use.
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

// revocation returns the line that revokes key, or nil.
func (k Known) revocation(key gossh.PublicKey) *xknownhosts.KnownKey {
	if i := slices.IndexFunc(k.Revoked, func(r xknownhosts.KnownKey) bool { return sameKey(r.Key, key) }); i >= 0 {
		return &k.Revoked[i]
	}
	return nil
}

// checkAuthorityAlgorithm refuses a certificate whose signature algorithm is not allowed. Without a
// setting that is SHA-1, which x/crypto accepts and OpenSSH does not.
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

// checkHostCertificate verifies a host certificate of a trusted authority.
func checkHostCertificate(host string, cert *gossh.Certificate) error {
	if err := checkAuthorityAlgorithm(cert, inventory.Algorithms{}); err != nil {
		return err
	}
	checker := gossh.CertChecker{IsHostAuthority: func(gossh.PublicKey, string) bool { return true }}
	return checker.CheckHostKey(net.JoinHostPort(host, "22"), nil, cert)
}

// Usable returns k without its revoked keys. It fails if that leaves none.
func (k Known) Usable(address string) (Known, error) {
	left := k
	var revoked error
	usable := func(keys []gossh.PublicKey) []gossh.PublicKey {
		var list []gossh.PublicKey
		for _, key := range keys {
			r := k.revocation(key)
			if r == nil {
				list = append(list, key)
				continue
			}
			revoked = event.WithHint(fmt.Errorf("the only known key of %s, %s, is revoked in %s:%d",
				address, gossh.FingerprintSHA256(key), r.Filename, r.Line),
				"ask its admin for the new key, compare the fingerprint, and add it to known_hosts")
		}
		return list
	}
	left.Keys, left.Authorities = usable(k.Keys), usable(k.Authorities)
	if left.Empty() && revoked != nil {
		return Known{}, revoked
	}
	return left, nil
}

func containsKey(keys []gossh.PublicKey, key gossh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k gossh.PublicKey) bool { return sameKey(k, key) })
}
