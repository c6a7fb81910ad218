package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"runbook/runtime/inventory"
)

// keyring is the keys that can be offered to a host, in their order: those that are stated, whether a file or the agent holds
// them, and then the agent's others.
type keyring struct {
	allowed inventory.Security
	signers []gossh.Signer
	offers  []*offer
	missing []string

	emptyAgent bool // the admin's agent answers, and has no key
}

// offer is a key that notes whether it was offered.
type offer struct {
	gossh.MultiAlgorithmSigner
	from   string
	tried  bool
	failed error // why it did not sign
}

// SignWithAlgorithm signs, and keeps why it could not.
func (o *offer) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*gossh.Signature, error) {
	s, err := o.MultiAlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
	o.failed = err
	return s, err
}

func (o *offer) PublicKey() gossh.PublicKey {
	o.tried = true // asked for when it is offered, not before
	return o.MultiAlgorithmSigner.PublicKey()
}

// tried are the keys that were offered.
func (k *keyring) tried() []string {
	var list []string
	for _, o := range k.offers {
		if o.tried {
			text := o.from + " (" + gossh.FingerprintSHA256(o.MultiAlgorithmSigner.PublicKey())
			if o.failed != nil {
				text += ", which did not sign: " + o.failed.Error()
			}
			list = append(list, text+")")
		}
	}
	return list
}

// add appends a key, and its certificates before it.
func (k *keyring) add(from string, s gossh.AlgorithmSigner, certificates []certificate) {
	for _, c := range certificates {
		if !sameKey(c.cert.Key, s.PublicKey()) {
			continue
		}
		m, err := k.restrict(s, inventory.CertificateAlgorithm)
		if err != nil {
			k.missing = append(k.missing, c.path+": "+err.Error())
			continue
		}
		signer, err := gossh.NewCertSigner(c.cert, m)
		if err != nil {
			k.missing = append(k.missing, c.path+": "+err.Error())
			continue
		}
		if cm, ok := signer.(gossh.MultiAlgorithmSigner); ok {
			k.append(c.path, cm)
		}
	}
	name := func(algorithm string) string { return algorithm }
	if _, ok := whole(s.PublicKey()).(*gossh.Certificate); ok { // an agent holds these, too
		name = inventory.CertificateAlgorithm
	}
	m, err := k.restrict(s, name)
	if err != nil {
		k.missing = append(k.missing, from+": "+err.Error())
		return
	}
	k.append(from, m)
}

func (k *keyring) append(from string, s gossh.MultiAlgorithmSigner) {
	for _, o := range k.offers {
		if bytes.Equal(o.MultiAlgorithmSigner.PublicKey().Marshal(), s.PublicKey().Marshal()) {
			return // an offer counts against the server's limit
		}
	}
	o := &offer{MultiAlgorithmSigner: s, from: from}
	k.offers = append(k.offers, o)
	k.signers = append(k.signers, o)
}

// whole is key as its type says. Of an agent's key only the bytes are known.
func whole(key gossh.PublicKey) gossh.PublicKey {
	if parsed, err := gossh.ParsePublicKey(key.Marshal()); err == nil {
		return parsed
	}
	return key
}

// restrict lets a key sign by those algorithms alone that are allowed. Where ssh_config doesn't say, RSA keys don't sign with SHA-1.
// name is what an algorithm is called where the key is shown.
func (k *keyring) restrict(s gossh.AlgorithmSigner, name func(string) string) (gossh.MultiAlgorithmSigner, error) {
	public := whole(s.PublicKey())
	if err := tooShort(public, k.allowed); err != nil {
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

// certificate is a user certificate in a file.
type certificate struct {
	path string
	cert *gossh.Certificate
}

// keyring collects the keys for h.
func (h *Host) keyring(a *authentication) *keyring {
	k := &keyring{allowed: h.target.Security}
	files := h.target.Identities
	stated := files != nil
	if !stated {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(h.pool.home(), ".ssh", name))
		}
	}
	certificates := h.certificates(k, files)
	held := h.agentKeys(k, a)
	for _, path := range files {
		path = h.pool.expand(path)
		public := publicOf(path)
		if at := slices.IndexFunc(held, func(s gossh.AlgorithmSigner) bool {
			return public != nil && bytes.Equal(s.PublicKey().Marshal(), public.Marshal())
		}); at >= 0 { // the agent needs no passphrase
			k.add(path+", through the agent", held[at], certificates)
			continue
		}
		s, err := h.keyFile(path, a)
		switch {
		case err == nil:
			k.add(path, s, certificates)
		case stated || !errors.Is(err, fs.ErrNotExist):
			k.missing = append(k.missing, err.Error())
		}
	}
	if !h.target.IdentitiesOnly {
		for _, s := range held {
			k.add("a key of the agent", s, certificates)
		}
	}
	return k
}

// certificates reads those that are named and those beside the keys.
func (h *Host) certificates(k *keyring, keys []string) []certificate {
	var list []certificate
	read := func(path string, must bool) {
		text, err := os.ReadFile(path)
		if err != nil {
			if must {
				k.missing = append(k.missing, plainError(err))
			}
			return
		}
		key, _, _, _, err := gossh.ParseAuthorizedKey(text)
		cert, ok := key.(*gossh.Certificate)
		if err != nil || !ok {
			k.missing = append(k.missing, path+": is no certificate")
			return
		}
		list = append(list, certificate{path, cert})
	}
	for _, path := range h.target.Certificates {
		read(h.pool.expand(path), true)
	}
	for _, path := range keys {
		read(h.pool.expand(path)+"-cert.pub", false)
	}
	return list
}

// agentKeys are the keys that the admin's own agent holds. Its connection stays open until the log-in is over.
func (h *Host) agentKeys(k *keyring, a *authentication) []gossh.AlgorithmSigner {
	socket := h.target.IdentityAgent
	stated := socket != ""
	if !stated {
		socket = h.pool.opts.Getenv("SSH_AUTH_SOCK")
	}
	if socket == "" || socket == "none" {
		return nil
	}
	var d net.Dialer
	conn, err := d.DialContext(a.limit.ctx, "unix", h.pool.expand(socket))
	if err != nil {
		k.missing = append(k.missing, "the keys of the agent: "+err.Error())
		return nil
	}
	a.agent = conn
	context.AfterFunc(a.limit.ctx, func() { _ = conn.Close() }) // an agent may ask a person, who may never answer
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		k.missing = append(k.missing, "the keys of the agent: "+err.Error())
		return nil
	}
	var list []gossh.AlgorithmSigner
	for _, s := range signers {
		if as, ok := s.(gossh.AlgorithmSigner); ok {
			list = append(list, as)
		}
	}
	if len(list) == 0 {
		k.missing, k.emptyAgent = append(k.missing, "the keys of the agent: it has none"), true
	}
	return list
}
