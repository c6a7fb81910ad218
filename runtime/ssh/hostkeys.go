package ssh

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	gossh "golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// hostKeys is what is known of a host's key before it is connected to.
type hostKeys struct {
	host    *Host
	address string                // host:port as known_hosts files are asked for it
	pinned  gossh.PublicKey       // or nil
	db      *knownhosts.HostKeyDB // nil when there is no file
	known   []knownhosts.PublicKey
	refused error // what check said
}

// hostKeys reads the known_hosts files, or the pinned key.
func (h *Host) hostKeys() (*hostKeys, error) {
	k := &hostKeys{host: h, address: address(h.target)}
	if h.target.HostKeyAlias != "" {
		// OpenSSH looks an alias up as it stands; [HOST]:PORT is how a known_hosts file names another port than 22.
		k.address = h.target.HostKeyAlias
		if _, _, err := net.SplitHostPort(k.address); err != nil || k.address[0] != '[' {
			k.address = net.JoinHostPort(k.address, "22")
		}
	}
	if h.target.HostKey != "" {
		key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(h.target.HostKey))
		if err != nil {
			return nil, event.WithHint(fmt.Errorf("the pinned host key is no public key: %w", err),
				`host_key is a line such as "ssh-ed25519 AAAA…", as /etc/ssh/ssh_host_ed25519_key.pub on the host has it`)
		}
		k.pinned = key
		k.known = []knownhosts.PublicKey{{PublicKey: key}}
		return k, nil
	}
	files, err := existing(h.knownFiles())
	if err != nil {
		return nil, err
	}
	db, err := openKnown(files)
	if err != nil {
		return nil, err
	}
	if db != nil {
		k.db, k.known = db, db.HostKeys(k.address)
	}
	return k, nil
}

// knownFiles are the known_hosts files of the host.
func (h *Host) knownFiles() []string {
	if h.target.KnownHosts != nil {
		return h.target.KnownHosts
	}
	return []string{filepath.Join(h.pool.home(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
}

// existing returns those of the known_hosts files that exist.
func existing(files []string) ([]string, error) {
	var there []string
	for _, f := range files {
		switch _, err := os.Stat(f); {
		case err == nil:
			there = append(there, f)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("known_hosts: %w", err)
		}
	}
	return there, nil
}

// openKnown reads known_hosts files, all of which exist; it returns nil for none.
func openKnown(files []string) (*knownhosts.HostKeyDB, error) {
	if len(files) == 0 {
		return nil, nil
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, fmt.Errorf("known_hosts: %w", err)
	}
	return db, nil
}

// algorithms are those by which the host may prove its key. Those by which it can show a known key come first. The others follow,
// so that a host with another key is told apart from one that speaks no common language. None is an error.
func (k *hostKeys) algorithms() ([]string, error) {
	allowed := k.host.target.Security.HostKeys
	all := allowed.Names
	if len(all) == 0 {
		all = gossh.SupportedAlgorithms().HostKeys
	}
	var first []string
	for _, known := range k.known {
		for _, a := range all {
			if isCert := strings.Contains(a, "-cert-v01@"); known.Cert && isCert || !known.Cert && !isCert && signs(known.PublicKey, a) {
				first = append(first, a)
			}
		}
	}
	var order []string
	for _, a := range append(first, all...) {
		// A certificate that no known authority can have signed would only hide the key beneath it.
		if strings.Contains(a, "-cert-v01@") && !slices.Contains(first, a) {
			continue
		}
		if !slices.Contains(order, a) {
			order = append(order, a)
		}
	}
	if len(order) == 0 {
		return nil, event.WithHint(fmt.Errorf("%s allows only certificates, and no authority for %s is known", allowed.From, k.host.Name()),
			"add the authority to known_hosts, as a @cert-authority line")
	}
	return order, nil
}

// signs says whether key can sign by the algorithm.
func signs(key gossh.PublicKey, algorithm string) bool {
	if key.Type() == gossh.KeyAlgoRSA && (algorithm == gossh.KeyAlgoRSASHA256 || algorithm == gossh.KeyAlgoRSASHA512) {
		return true
	}
	return key.Type() == algorithm // with RSA that is SHA-1, which is not offered unless ssh_config says so
}

// check is called with the key that the host showed, before anything is sent to it.
func (k *hostKeys) check(_ string, remote net.Addr, key gossh.PublicKey) error {
	k.refused = k.judge(remote, key)
	if k.refused == nil {
		k.refused = tooShort(key, k.host.target.Security)
	}
	return k.refused
}

// tooShort is the error for an RSA key that RequiredRSASize doesn't allow.
func tooShort(key gossh.PublicKey, allowed inventory.Security) error {
	public, ok := PlainKey(key).(gossh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if k, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < allowed.RSABits {
		return event.WithHint(fmt.Errorf("an RSA key of %d bits, and RequiredRSASize in ssh_config wants %d", k.N.BitLen(), allowed.RSABits),
			"make a longer one, or better an ed25519 key")
	}
	return nil
}

func (k *hostKeys) judge(remote net.Addr, key gossh.PublicKey) error {
	if k.pinned != nil {
		if bytes.Equal(k.pinned.Marshal(), key.Marshal()) {
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
		return &RevokedKeyError{Address: address(k.host.target), Fingerprint: gossh.FingerprintSHA256(key),
			File: revoked.Revoked.Filename, Line: revoked.Revoked.Line}
	case errors.As(err, &differs):
		// An authority's line says nothing of the host's own key.
		want := slices.DeleteFunc(slices.Clone(differs.Want), func(w xknownhosts.KnownKey) bool { return k.authority(w.Key) })
		if len(want) == 0 {
			return k.unknown(key)
		}
		return k.changed(key, want)
	case err == nil && isCert:
		err = checkAuthorityAlgorithm(cert, k.host.target.Security.Authorities)
	}
	switch {
	case err != nil:
		return event.WithHint(fmt.Errorf("the host's certificate is not valid: %w", err),
			"the host needs a new certificate for this name from its authority")
	case !isCert && k.authority(key):
		return k.unknown(key) // the key of an authority is no host's own
	}
	return nil
}

// authority says whether key is known only as that of a certificate authority.
func (k *hostKeys) authority(key gossh.PublicKey) bool {
	is := false
	for _, known := range k.known {
		if bytes.Equal(known.Marshal(), key.Marshal()) {
			if !known.Cert {
				return false
			}
			is = true
		}
	}
	return is
}
