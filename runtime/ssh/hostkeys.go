package ssh

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// hostKeys verifies the key that a host presents.
type hostKeys struct {
	server  *server
	address string                // the host:port to look up in known_hosts files
	pinned  gossh.PublicKey       // or nil
	db      *knownhosts.HostKeyDB // nil if there is no file
	known   []knownhosts.PublicKey
	refused error // the result of check
}

// hostKeys reads the known_hosts files, or the pinned key.
func (s *server) hostKeys() (*hostKeys, error) {
	k := &hostKeys{server: s, address: address(s.target)}
	if s.target.HostKeyAlias != "" {
		// OpenSSH looks up an alias as it is written; [HOST]:PORT is how a known_hosts file names a
		// port other than 22.
		k.address = s.target.HostKeyAlias
		if _, _, err := net.SplitHostPort(k.address); err != nil || k.address[0] != '[' {
			k.address = net.JoinHostPort(k.address, "22")
		}
	}
	if s.target.HostKey != "" {
		key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(s.target.HostKey))
		if err != nil {
			return nil, event.WithHint(fmt.Errorf("the pinned host key is not a public key: %w", err),
				`host_key is a line such as "ssh-ed25519 AAAA…", as in /etc/ssh/ssh_host_ed25519_key.pub on the host`)
		}
		k.pinned = key
		k.known = []knownhosts.PublicKey{{PublicKey: key}}
		return k, nil
	}
	db, err := s.dialer.known.Open(s.knownHosts())
	if err != nil {
		return nil, err
	}
	if db != nil {
		k.db, k.known = db, db.HostKeys(k.address)
	}
	return k, nil
}

// knownHosts returns the known_hosts files of the server.
func (s *server) knownHosts() []string {
	if s.target.KnownHosts != nil {
		return s.target.KnownHosts
	}
	return []string{filepath.Join(s.dialer.home(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
}

// algorithms returns the signature algorithms to accept from the host. Those of its known keys come
// first. The others follow, so that a host with a changed key is not reported as one without a
// common algorithm.
func (k *hostKeys) algorithms() ([]string, error) {
	allowed := k.server.target.Security.HostKeys
	all := allowed.Names
	if len(all) == 0 {
		all = inventory.HostKeyAlgorithms()
	}
	var first []string
	for _, known := range k.known {
		for _, a := range all {
			if known.Cert && isCertificate(a) || !known.Cert && !isCertificate(a) && signs(known.PublicKey, a) {
				first = append(first, a)
			}
		}
	}
	var order []string
	for _, a := range append(first, all...) {
		// A certificate that no known authority can have signed would only hide the key in it.
		if isCertificate(a) && !slices.Contains(first, a) {
			continue
		}
		if !slices.Contains(order, a) {
			order = append(order, a)
		}
	}
	if len(order) == 0 {
		err := fmt.Errorf("%s allows only certificates, and no authority for %s is known",
			allowed.From, k.server.target.Name)
		return nil, event.WithHint(err, "add the authority to known_hosts, as a @cert-authority line")
	}
	return order, nil
}

func isCertificate(algorithm string) bool { return strings.Contains(algorithm, "-cert-v01@") }

// signs reports whether key can sign with the algorithm.
func signs(key gossh.PublicKey, algorithm string) bool {
	if key.Type() == gossh.KeyAlgoRSA && (algorithm == gossh.KeyAlgoRSASHA256 || algorithm == gossh.KeyAlgoRSASHA512) {
		return true
	}
	return key.Type() == algorithm // for RSA this is SHA-1, which is offered only if ssh_config asks for it
}

// check decides about the key that the host presents, before anything else is sent to it.
func (k *hostKeys) check(_ string, remote net.Addr, key gossh.PublicKey) error {
	k.refused = k.verify(remote, key)
	if k.refused == nil {
		k.refused = checkSize(key, k.server.target.Security)
	}
	return k.refused
}

// checkSize refuses an RSA key that is shorter than RequiredRSASize.
func checkSize(key gossh.PublicKey, allowed inventory.Security) error {
	public, ok := PlainKey(key).(gossh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if k, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < allowed.RSABits {
		err := fmt.Errorf("an RSA key of %d bits, and RequiredRSASize in ssh_config wants %d",
			k.N.BitLen(), allowed.RSABits)
		return event.WithHint(err, "make a longer one, or better an ed25519 key")
	}
	return nil
}

func (k *hostKeys) verify(remote net.Addr, key gossh.PublicKey) error {
	if k.pinned != nil {
		if sameKey(k.pinned, key) {
			return nil
		}
		return k.changed(key, nil)
	}
	if k.db == nil {
		return k.unknown(key)
	}
	err := k.db.HostKeyCallback()(k.address, remote, key)
	var revoked *xknownhosts.RevokedError
	var differs *xknownhosts.KeyError
	cert, isCert := key.(*gossh.Certificate)
	switch {
	case errors.As(err, &revoked):
		return &RevokedKeyError{Address: address(k.server.target), Fingerprint: gossh.FingerprintSHA256(key),
			File: revoked.Revoked.Filename, Line: revoked.Revoked.Line}
	case errors.As(err, &differs):
		// An authority's line says nothing about the host's own key.
		want := slices.DeleteFunc(slices.Clone(differs.Want), func(w xknownhosts.KnownKey) bool {
			return k.isAuthority(w.Key)
		})
		if len(want) == 0 {
			return k.unknown(key)
		}
		return k.changed(key, want)
	case err == nil && isCert:
		err = checkAuthorityAlgorithm(cert, k.server.target.Security.Authorities)
	}
	switch {
	case err != nil:
		return event.WithHint(fmt.Errorf("the host's certificate is not valid: %w", err),
			"the host needs a new certificate for this name from its authority")
	case !isCert && k.isAuthority(key):
		return k.unknown(key) // the key of an authority is not a host's own key
	}
	return nil
}

// isAuthority reports whether key is known only as that of a certificate authority.
func (k *hostKeys) isAuthority(key gossh.PublicKey) bool {
	found := false
	for _, known := range k.known {
		if bytes.Equal(known.Marshal(), key.Marshal()) {
			if !known.Cert {
				return false
			}
			found = true
		}
	}
	return found
}
