package agent

import (
	"bytes"
	"fmt"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// Flags of a sign request: the hash of an RSA signature.
const (
	flagSHA256 = 2
	flagSHA512 = 4
)

// allow decides whether key may sign data on this connection. It returns the algorithm and the
// destination, or the reason to refuse.
func (c *channel) allow(key Key, data []byte, flags uint32) (string, Destination, *refusal) {
	no := func(reason string, args ...any) (string, Destination, *refusal) {
		return "", Destination{}, &refusal{reason: fmt.Sprintf(reason, args...)}
	}
	if c.spoil != nil {
		return "", Destination{}, c.spoil
	}
	l, err := parseLogin(data)
	if err != nil {
		return no("%v", err)
	}
	if !bytes.Equal(l.key, key.Public().Marshal()) {
		return no("a login with a key other than the one to sign with")
	}
	algorithm := signatureAlgorithm(key, flags)
	if l.algorithm != algorithm || !slices.Contains(algorithms(key.Public().Type()), algorithm) {
		return no("a %.40q signature by a key of type %s", l.algorithm, key.Public().Type())
	}
	to := c.to
	switch {
	case c.bound != nil:
		if !bytes.Equal(l.session, c.bound.session) {
			return no("a login on a connection other than the one bound to %s", names(c.to))
		}
		if l.hostKey != nil && !bytes.Equal(l.hostKey, c.bound.hostKey.Marshal()) {
			return no("a login at a server other than %s", names(c.to))
		}
	case !c.f.opts.Unbound:
		_, _, r := no("the ssh client did not name the server it talks to, as OpenSSH does since 8.9")
		r.hint = "use --agent host, or unbound = true in agent.forward to sign without that proof"
		return "", Destination{}, r
	case l.hostKey != nil:
		hostKey, err := gossh.ParsePublicKey(l.hostKey)
		if err != nil {
			return no("a login at a server with an invalid host key")
		}
		if to, err = c.f.destinations(hostKey); len(to) == 0 {
			return no("a login at a server other than %s: %v", names(c.f.opts.To), err)
		}
	default:
		to = c.f.opts.To
	}
	i := slices.IndexFunc(to, func(d Destination) bool { return d.User == l.user })
	if i < 0 {
		return no("a login as %.60q at %s", l.user, names(to))
	}
	return algorithm, to[i], nil
}

// signatureAlgorithm returns the algorithm that a sign request with these flags asks for.
func signatureAlgorithm(key Key, flags uint32) string {
	algorithm := key.Public().Type()
	switch {
	case algorithm != gossh.KeyAlgoRSA:
	case flags&flagSHA512 != 0:
		return gossh.KeyAlgoRSASHA512
	case flags&flagSHA256 != 0:
		return gossh.KeyAlgoRSASHA256
	}
	return algorithm
}
