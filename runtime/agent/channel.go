package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// channel is one connection to the agent.
type channel struct {
	f     *Forwarder
	ctx   context.Context
	host  string
	bound *binding
	to    []Destination // the destinations that have the host key of bound
	spoil *refusal      // why nothing is signed on this connection any more, or nil
}

func (c *channel) answer(message []byte) []byte {
	body := cursor{rest: message[1:]}
	switch message[0] {
	case agentRequestIdentities:
		if body.done() == nil {
			return c.list()
		}
	case agentExtension:
		if name := body.string(); !body.bad && name == "session-bind@openssh.com" {
			return c.bind(body.rest)
		}
		// An unsupported extension, such as "query", needs no event.
		return []byte{agentFailure}
	case agentSignRequest:
		return c.sign(&body)
	}
	return c.refuse(refusal{reason: fmt.Sprintf("a request of type %d: this agent only lists and signs", message[0])})
}

// comment is the name of each key for clients, so that they do not learn its path on this machine.
const comment = "runbook"

func (c *channel) list() []byte {
	answer := binary.BigEndian.AppendUint32([]byte{agentIdentitiesAnswer}, uint32(len(c.f.opts.Keys)))
	for _, k := range c.f.opts.Keys {
		answer = appendString(appendString(answer, k.Public().Marshal()), []byte(comment))
	}
	return answer
}

func (c *channel) bind(contents []byte) []byte {
	b, err := parseBinding(contents)
	if err != nil {
		return c.block(refusal{reason: "binding to a server: " + err.Error()})
	}
	if b.forwarding {
		return c.block(refusal{reason: "forwarding the agent from the host to another server",
			hint: "remove ForwardAgent from the ssh_config on " + c.host})
	}
	if c.bound != nil && !(bytes.Equal(c.bound.session, b.session) &&
		bytes.Equal(c.bound.hostKey.Marshal(), b.hostKey.Marshal())) {
		return c.block(refusal{reason: "binding one connection to two servers"})
	}
	to, err := c.f.destinations(b.hostKey)
	if len(to) == 0 {
		return c.block(refusal{reason: err.Error()})
	}
	c.bound, c.to = &b, to
	return []byte{agentSuccess}
}

func (c *channel) sign(body *cursor) []byte {
	blob, data, flags := body.bytes(), body.bytes(), body.uint32()
	if body.done() != nil {
		return c.refuse(refusal{reason: errMalformed.Error()})
	}
	i := slices.IndexFunc(c.f.opts.Keys, func(k Key) bool { return bytes.Equal(k.Public().Marshal(), blob) })
	if i < 0 {
		return c.refuse(refusal{reason: "a signature by a key that the recipe does not name"})
	}
	key := c.f.opts.Keys[i]
	algorithm, d, no := c.allow(key, data, flags)
	if no != nil {
		return c.refuse(*no)
	}
	if !c.f.spend(c.host) {
		return c.refuse(refusal{reason: fmt.Sprintf("more than %d logins at %s", c.f.opts.Signatures, d.Address()),
			hint: "one clone needs no more; raise signatures in agent.forward if this run does, " +
				"else find out what on " + c.host + " asked for them"})
	}
	sig, err := key.signer.SignWithAlgorithm(rand.Reader, data, algorithm)
	if err != nil {
		return c.refuse(refusal{reason: err.Error()})
	}
	if c.f.isClosed() {
		return []byte{agentFailure}
	}
	event.Emit(c.ctx, event.Event{Kind: event.KeyUsed, Host: c.host,
		Text: gossh.FingerprintSHA256(key.Public()) + " for " + d.String()})
	signature := appendString(appendString(nil, []byte(sig.Format)), sig.Blob)
	return appendString([]byte{agentSignResponse}, signature)
}

// block refuses a request and every signature on this connection from now on.
func (c *channel) block(r refusal) []byte {
	c.spoil = &r
	return c.refuse(r)
}

// refuse records a refusal and returns the answer to the client.
func (c *channel) refuse(r refusal) []byte {
	r.host = c.host
	if c.f.addRefusal(c.ctx, r) {
		event.Emit(c.ctx, event.Event{Kind: event.KeyRefused, Host: c.host, Text: r.reason, Hint: r.hint})
	}
	return []byte{agentFailure}
}
