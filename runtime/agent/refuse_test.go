package agent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
)

// TestRefuses lists what a program on a host may try, and the reason it is refused. Each case has
// its own connection.
func TestRefuses(t *testing.T) {
	bound := func(d *desk, c sshagent.ExtendedAgent) {
		if err := d.bind(c, d.server, "session"); err != nil {
			d.Fatal(err)
		}
	}
	sign := func(edit func(*login)) func(*desk, sshagent.ExtendedAgent) error {
		return func(d *desk, c sshagent.ExtendedAgent) error {
			bound(d, c)
			_, err := c.Sign(d.deploy.PublicKey(), d.loginData(edit))
			return err
		}
	}
	junk := func(data func(*desk) []byte) func(*desk, sshagent.ExtendedAgent) error {
		return func(d *desk, c sshagent.ExtendedAgent) error {
			bound(d, c)
			_, err := c.Sign(d.deploy.PublicKey(), data(d))
			return err
		}
	}
	// After a refused binding, the connection must also refuse a signature that would be allowed.
	binding := func(request func(*desk) []byte) func(*desk, sshagent.ExtendedAgent) error {
		return func(d *desk, c sshagent.ExtendedAgent) error {
			if _, err := c.Extension("session-bind@openssh.com", request(d)); err == nil {
				d.Error("the binding was accepted")
			}
			_, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil))
			return err
		}
	}
	cases := map[string]struct {
		try  func(*desk, sshagent.ExtendedAgent) error
		want string
	}{
		"no binding": {func(d *desk, c sshagent.ExtendedAgent) error {
			_, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil))
			return err
		}, "did not name the server"},
		"another user":       {sign(func(l *login) { l.user = "root" }), `a login as "root" at gitserver`},
		"no user":            {sign(func(l *login) { l.user = "" }), `a login as "" at gitserver`},
		"another session":    {sign(func(l *login) { l.session = []byte("another") }), "a connection other than"},
		"no session":         {sign(func(l *login) { l.session = nil }), "something other than an SSH login"},
		"another host key":   {sign(func(l *login) { l.hostKey = []byte("another") }), "a server other than"},
		"empty host key":     {sign(func(l *login) { l.hostKey = []byte{} }), "a server other than"},
		"another key within": {sign(func(l *login) { l.key = []byte("another") }), "a key other than"},
		"another algorithm": {sign(func(l *login) { l.algorithm = gossh.KeyAlgoRSASHA256 }),
			`a "rsa-sha2-256" signature by a key of type`},
		"junk": {junk(func(*desk) []byte { return []byte("a contract, to sign on the dotted line") }),
			"something other than an SSH login"},
		"nothing": {junk(func(*desk) []byte { return nil }), "something other than an SSH login"},
		"a login and more": {junk(func(d *desk) []byte { return append(d.loginData(nil), 0) }),
			"something other than an SSH login"},
		"a login cut short": {junk(func(d *desk) []byte { data := d.loginData(nil); return data[:len(data)-1] }),
			"something other than an SSH login"},
		"another message": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte{userauthRequest, 0, 0, 0, 3}, []byte{51, 0, 0, 0, 3}, 1)
		}), "something other than an SSH login"},
		"another service": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("ssh-connection"), []byte("ssh-connectiom"), 1)
		}), "something other than an SSH login"},
		"another method": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("publickey"), []byte("hostbased"), 1)
		}), "something other than an SSH login"},
		"a query": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("publickey\x01"), []byte("publickey\x00"), 1)
		}), "something other than an SSH login"},
		"an SSHSIG blob": {junk(func(*desk) []byte {
			return append([]byte("SSHSIG"), text([]byte("git"), nil, []byte("sha512"), make([]byte, 64))...)
		}), "something other than an SSH login"},
		"another's key": {func(d *desk, c sshagent.ExtendedAgent) error {
			bound(d, c)
			_, err := c.Sign(d.other.PublicKey(), d.loginData(nil))
			return err
		}, "does not name"},
		"binding to another server": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.other.PublicKey(), d.other, []byte("session"), 0)
		}), "which does not belong to gitserver"},
		"binding signed by another": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.other, []byte("session"), 0)
		}), "did not sign this session"},
		"binding for forwarding": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.server, []byte("session"), 1)
		}), "forwarding the agent"},
		"binding with a bad flag": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.server, []byte("session"), 2)
		}), "malformed"},
		"binding to no session": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.server, nil, 0)
		}), "empty session"},
		"binding with more": {binding(func(d *desk) []byte {
			return append(bindRequest(d.T, d.server.PublicKey(), d.server, []byte("session"), 0), 0)
		}), "malformed"},
		"binding twice": {func(d *desk, c sshagent.ExtendedAgent) error {
			bound(d, c)
			if d.bind(c, d.server, "another") == nil {
				d.Error("the second binding was accepted")
			}
			_, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil))
			return err
		}, "two servers"},
		"adding a key": {func(_ *desk, c sshagent.ExtendedAgent) error {
			_, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			return c.Add(sshagent.AddedKey{PrivateKey: private})
		}, "only lists and signs"},
		"removing a key": {func(d *desk, c sshagent.ExtendedAgent) error { return c.Remove(d.deploy.PublicKey()) },
			"only lists and signs"},
		"removing all": {func(_ *desk, c sshagent.ExtendedAgent) error { return c.RemoveAll() },
			"only lists and signs"},
		"locking": {func(_ *desk, c sshagent.ExtendedAgent) error { return c.Lock([]byte("x")) },
			"only lists and signs"},
		"unlocking": {func(_ *desk, c sshagent.ExtendedAgent) error { return c.Unlock([]byte("x")) },
			"only lists and signs"},
		"other extension": {func(_ *desk, c sshagent.ExtendedAgent) error {
			_,
				err := c.Extension("query", nil)
			return err
		}, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ed25519Key(t), false)
			c := d.client()
			if err := test.try(d, c); err == nil {
				t.Error("it was not refused")
			}
			if used := d.rec.of(event.KeyUsed); len(used) > 0 {
				t.Errorf("the key was used: %v", used)
			}
			refused := d.rec.of(event.KeyRefused)
			if test.want == "" {
				return
			}
			if len(refused) == 0 || !strings.Contains(refused[len(refused)-1].Text, test.want) {
				t.Errorf("refusals: %v; want %q", refused, test.want)
			}
			err := d.forwarder.Explain(d.ctx, errors.New("clone failed"))
			if !strings.Contains(err.Error(), "clone failed (the forwarded agent refused: ") ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("explained as: %v", err)
			}
			// The connection still serves allowed requests.
			keys, err := c.List()
			if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Blob, d.deploy.PublicKey().Marshal()) ||
				keys[0].Comment != "runbook" {
				t.Errorf("list: %v, %v", keys, err)
			}
		})
	}
}
