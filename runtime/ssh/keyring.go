package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/platform"
)

// keyring holds the keys to offer to a host, in order: the configured ones, whether a file or the
// agent holds them, then the agent's others.
type keyring struct {
	allowed inventory.Security
	offers  []*offer
	missing []error // why keys cannot be offered; the hints say what to do about it

	emptyAgent bool // the admin's agent answers, and has no key
}

// offer is a key that records whether it was offered.
type offer struct {
	gossh.MultiAlgorithmSigner
	from     string
	tried    bool
	signed   bool
	accepted bool  // the server wants more than this key
	failed   error // why it did not sign
}

// SignWithAlgorithm signs, and records a failure.
func (o *offer) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	s, err := o.MultiAlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
	o.signed, o.failed = err == nil, err
	return s, err
}

// PublicKey returns the public half. The library asks for it when it offers the key, not before.
func (o *offer) PublicKey() gossh.PublicKey {
	o.tried = true
	return o.MultiAlgorithmSigner.PublicKey()
}

// miss records why a key cannot be offered.
func (k *keyring) miss(from string, err error) {
	k.missing = append(k.missing, fmt.Errorf("%s: %w", from, err))
}

// describe adds the outcome of each key to e.
func (k *keyring) describe(e *LoginError) {
	for _, o := range k.offers {
		switch {
		case o.accepted:
			e.Accepted = append(e.Accepted, o.String())
		case o.signed: // sshd asks for a signature only by a key that it knows
			e.Known = append(e.Known, o.String())
		case o.tried:
			e.Tried = append(e.Tried, o.String())
		}
	}
	for _, err := range k.missing {
		e.Missing = append(e.Missing, err.Error())
	}
}

// hints returns how to make the missing keys usable.
func (k *keyring) hints() (hints []string) {
	for _, err := range k.missing {
		if hint := event.Hint(err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	return hints
}

// String returns the key's source and fingerprint.
func (o *offer) String() string {
	text := o.from + " (" + gossh.FingerprintSHA256(o.MultiAlgorithmSigner.PublicKey())
	if o.failed != nil {
		text += ", which did not sign: " + o.failed.Error()
	}
	return text + ")"
}

// next returns the keys that were not offered yet: some servers want two.
func (k *keyring) next() (signers []gossh.Signer) {
	for _, o := range k.offers {
		if !o.tried {
			signers = append(signers, o)
		}
	}
	return signers
}

// accept records that the server accepted the key that signed last.
func (k *keyring) accept() {
	for _, o := range slices.Backward(k.offers) {
		if o.signed {
			o.accepted = true
			return
		}
	}
}

// add appends a key, after its certificates.
func (k *keyring) add(from string, s gossh.AlgorithmSigner, certificates []certificate) {
	for _, c := range certificates {
		if !sameKey(c.cert.Key, s.PublicKey()) {
			continue
		}
		m, err := k.restrict(s, inventory.CertificateAlgorithm)
		if err != nil {
			k.miss(c.path, err)
			continue
		}
		signer, err := gossh.NewCertSigner(c.cert, m)
		if err != nil {
			k.miss(c.path, err)
			continue
		}
		if cm, ok := signer.(gossh.MultiAlgorithmSigner); ok {
			k.append(c.path, cm)
		}
	}
	name := func(algorithm string) string { return algorithm }
	if _, ok := typed(s.PublicKey()).(*gossh.Certificate); ok { // an agent can hold certificates too
		name = inventory.CertificateAlgorithm
	}
	m, err := k.restrict(s, name)
	if err != nil {
		k.miss(from, err)
		return
	}
	k.append(from, m)
}

// append adds a signer unless its key is there already: each offer counts against the server's
// limit.
func (k *keyring) append(from string, s gossh.MultiAlgorithmSigner) {
	for _, o := range k.offers {
		if sameKey(o.MultiAlgorithmSigner.PublicKey(), s.PublicKey()) {
			return
		}
	}
	k.offers = append(k.offers, &offer{MultiAlgorithmSigner: s, from: from})
}

// typed returns key as a value of its own type. An agent's keys come as bytes.
func typed(key gossh.PublicKey) gossh.PublicKey {
	if parsed, err := gossh.ParsePublicKey(key.Marshal()); err == nil {
		return parsed
	}
	return key
}

// restrict limits a key to the allowed signature algorithms. Without a setting in ssh_config, RSA
// keys do not sign with SHA-1. name maps an algorithm to its name in ssh_config.
func (k *keyring) restrict(s gossh.AlgorithmSigner, name func(string) string) (gossh.MultiAlgorithmSigner, error) {
	public := typed(s.PublicKey())
	if err := checkSize(public, k.allowed); err != nil {
		return nil, err
	}
	base := PlainKey(public).Type()
	can := []string{base}
	if base == gossh.KeyAlgoRSA {
		can = []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256}
	}
	allowed := k.allowed.PublicKeys
	if len(allowed.Names) > 0 {
		can = slices.DeleteFunc(append(can, base), func(a string) bool { return !allowed.Allow(name(a)) })
		slices.SortStableFunc(can, func(a, b string) int {
			return cmp.Compare(slices.Index(allowed.Names, name(a)), slices.Index(allowed.Names, name(b)))
		})
		if can = slices.Compact(can); len(can) == 0 {
			return nil, fmt.Errorf("%s doesn't allow %s", allowed.From, name(base))
		}
	}
	return gossh.NewSignerWithAlgorithms(s, can)
}

// keyring collects the keys to offer to the server.
func (s *server) keyring(a *authentication) *keyring {
	k := &keyring{allowed: s.target.Security}
	files := s.target.Identities
	configured := files != nil
	if !configured {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(s.dialer.home(), ".ssh", name))
		}
	}
	certificates := s.certificates(k, files)
	held := s.agentKeys(k, a)
	for _, path := range files {
		public := publicKey(path)
		if at := slices.IndexFunc(held, func(s gossh.AlgorithmSigner) bool {
			return public != nil && sameKey(s.PublicKey(), public)
		}); at >= 0 { // the agent needs no passphrase
			k.add(path+", through the agent", held[at], certificates)
			continue
		}
		key, err := s.keyFile(path, a)
		switch {
		case err == nil:
			k.add(path, key, certificates)
		case configured || !errors.Is(err, fs.ErrNotExist):
			k.missing = append(k.missing, err)
		}
	}
	if !s.target.IdentitiesOnly {
		for _, key := range held {
			k.add("a key of the agent", key, certificates)
		}
	}
	return k
}

// certificate is a user certificate in a file.
type certificate struct {
	path string
	cert *gossh.Certificate
}

// certificates reads the configured certificates, and those in the files next to the keys.
func (s *server) certificates(k *keyring, keys []string) []certificate {
	var list []certificate
	read := func(path string, required bool) {
		text, err := os.ReadFile(path)
		if err != nil {
			if required {
				k.missing = append(k.missing, errors.New(plainError(err)))
			}
			return
		}
		key, _, _, _, err := gossh.ParseAuthorizedKey(text)
		cert, ok := key.(*gossh.Certificate)
		if err != nil || !ok {
			k.miss(path, errors.New("not a certificate"))
			return
		}
		list = append(list, certificate{path, cert})
	}
	for _, path := range s.target.Certificates {
		read(path, true)
	}
	for _, path := range keys {
		read(path+"-cert.pub", false)
	}
	return list
}

// agentKeys returns the keys in the admin's own agent. The connection to it stays open until the
// login is over.
func (s *server) agentKeys(k *keyring, a *authentication) []gossh.AlgorithmSigner {
	socket := s.target.IdentityAgent
	if socket == "" {
		socket = s.dialer.opts.Getenv("SSH_AUTH_SOCK")
	}
	named := socket != ""
	if socket = cmp.Or(socket, platform.UsualAgent); socket == "" || socket == "none" {
		return nil
	}
	conn, err := platform.DialAgent(a.limit.ctx, socket)
	if !named && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		k.miss("the keys of the agent", err)
		return nil
	}
	a.agent = conn
	context.AfterFunc(a.limit.ctx, func() { _ = conn.Close() }) // an agent may ask a person who never answers
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		k.miss("the keys of the agent", err)
		return nil
	}
	var list []gossh.AlgorithmSigner
	for _, s := range signers {
		if as, ok := s.(gossh.AlgorithmSigner); ok {
			list = append(list, as)
		}
	}
	if len(list) == 0 {
		k.emptyAgent = true
		k.miss("the keys of the agent", errors.New("it has none"))
	}
	return list
}

func sameKey(a, b gossh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
