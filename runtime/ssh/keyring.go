package ssh

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyring is the keys that can be offered to a host, in their order: those that are stated, whether a file or the agent holds
// them, and then the agent's others.
type keyring struct {
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
	m, err := modern(s)
	if err != nil {
		k.missing = append(k.missing, from+": "+err.Error())
		return
	}
	for _, c := range certificates {
		if !bytes.Equal(c.cert.Key.Marshal(), m.PublicKey().Marshal()) {
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

// modern keeps RSA keys from signing with SHA-1.
func modern(s gossh.AlgorithmSigner) (gossh.MultiAlgorithmSigner, error) {
	base := strings.Replace(s.PublicKey().Type(), "-cert-v01@openssh.com", "", 1)
	algorithms := []string{base}
	switch {
	case base == gossh.KeyAlgoRSA:
		algorithms = []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256}
	case strings.HasPrefix(base, "sk-"):
		algorithms = []string{strings.TrimSuffix(base, "@openssh.com") + "@openssh.com"}
	}
	return gossh.NewSignerWithAlgorithms(s, algorithms)
}

// certificate is a user certificate in a file.
type certificate struct {
	path string
	cert *gossh.Certificate
}

// keyring collects the keys for h.
func (h *Host) keyring(a *authentication) *keyring {
	k := &keyring{}
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
