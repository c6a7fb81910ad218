package agent

import (
	"bytes"
	"fmt"
	"slices"

	gossh "golang.org/x/crypto/ssh"
)

// Flags of a sign request: which hash an RSA key signs with.
const (
	flagSHA256 = 2
	flagSHA512 = 4
)

// allow decides whether data may be signed with key on this connection: by which algorithm and for which
// destination, or why not.
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
		return no("a login with another key than the one it was to be signed with")
	}
	algorithm := key.Public().Type()
	if algorithm == gossh.KeyAlgoRSA {
		switch {
		case flags&flagSHA512 != 0:
			algorithm = gossh.KeyAlgoRSASHA512
		case flags&flagSHA256 != 0:
			algorithm = gossh.KeyAlgoRSASHA256
		}
	}
	if l.algorithm != algorithm || !slices.Contains(algorithms(key.Public().Type()), algorithm) {
		return no("a signature of kind %.40q by a key of kind %s", l.algorithm, key.Public().Type())
	}
	to := c.to
	switch {
	case c.bound != nil:
		if !bytes.Equal(l.session, c.bound.session) {
			return no("a login on another connection than the one that was shown to lead to %s", names(c.to))
		}
		if l.hostKey != nil && !bytes.Equal(l.hostKey, c.bound.hostKey.Marshal()) {
			return no("a login at another server than %s", names(c.to))
		}
	case !c.f.opts.Unbound:
		_, _, r := no("the ssh client didn't say which server it talks to, as OpenSSH does from 8.9 on")
		r.hint = "use --agent host, or state unbound = true in agent.forward to sign without that proof"
		return "", Destination{}, r
	case l.hostKey != nil:
		hostKey, err := gossh.ParsePublicKey(l.hostKey)
		if err != nil {
			return no("a login at a server whose host key can't be read")
		}
		if to, err = c.f.known(hostKey); len(to) == 0 {
			return no("a login at another server than %s: %v", names(c.f.opts.To), err)
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
