package agent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/ssh"
)

// binding is the proof of an ssh client on a host that its connection ends at a server with this
// host key.
type binding struct {
	hostKey    gossh.PublicKey
	session    []byte
	forwarding bool // the client forwards the agent to that server instead of logging in
}

// parseBinding parses the contents of session-bind@openssh.com (OpenSSH's PROTOCOL.agent) and
// verifies that the host key signed the session id.
func parseBinding(contents []byte) (binding, error) {
	c := cursor{rest: contents}
	keyBlob, session, sigBlob, forwarding := c.bytes(), c.bytes(), c.bytes(), c.bool()
	if err := c.done(); err != nil {
		return binding{}, err
	}
	hostKey, err := gossh.ParsePublicKey(keyBlob)
	if err != nil {
		return binding{}, errors.New("invalid host key")
	}
	s := cursor{rest: sigBlob}
	sig := &gossh.Signature{Format: s.string(), Blob: s.bytes()}
	// A security key's signature has more data, which Verify reads.
	sig.Rest = s.rest
	if s.bad {
		return binding{}, errMalformed
	}
	if !slices.Contains(algorithms(ssh.PlainKey(hostKey).Type()),
		sig.Format) { // a certificate's key signs like a plain one
		return binding{}, fmt.Errorf("a %.40q signature by the host key", sig.Format)
	}
	if len(session) == 0 {
		return binding{}, errors.New("empty session id")
	}
	if err := hostKey.Verify(session, sig); err != nil {
		return binding{}, errors.New("the host key did not sign this session")
	}
	return binding{hostKey, bytes.Clone(session), forwarding}, nil
}

// algorithms returns the signature algorithms of a key type. SHA-1 is not among them, so DSA has
// none.
func algorithms(keyType string) []string {
	switch keyType {
	case gossh.KeyAlgoRSA:
		return []string{gossh.KeyAlgoRSASHA256, gossh.KeyAlgoRSASHA512}
	case "ssh-dss":
		return nil
	}
	return []string{keyType}
}

// login is a request to log in with a public key (RFC 4252, section 7). Nothing else is signed.
type login struct {
	session   []byte
	user      string
	algorithm string
	key       []byte
	hostKey   []byte // nil unless the method is publickey-hostbound-v00@openssh.com
}

const (
	userauthRequest = 50
	methodPlain     = "publickey"
	methodHostbound = "publickey-hostbound-v00@openssh.com"
)

// parseLogin parses the data that a client wants signed. Anything but a login is an error.
func parseLogin(data []byte) (login, error) {
	c := cursor{rest: data}
	l := login{session: c.bytes()}
	kind := c.byte()
	l.user = c.string()
	service, method, signed := c.string(), c.string(), c.bool()
	l.algorithm, l.key = c.string(), c.bytes()
	if !c.bad && method == methodHostbound {
		l.hostKey = c.bytes()
	}
	switch {
	case c.done() != nil, kind != userauthRequest, service != "ssh-connection", !signed,
		method != methodPlain && method != methodHostbound, len(l.session) == 0:
		return login{}, errors.New("a signature of something other than an SSH login")
	}
	return l, nil
}
