package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
)

// recorder keeps the events of a test.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Event(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) Close() error { return nil }

func (r *recorder) of(kind event.Kind) []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []event.Event
	for _, e := range r.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func signer(t *testing.T, key any) gossh.AlgorithmSigner {
	t.Helper()
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s.(gossh.AlgorithmSigner)
}

func ed25519Key(t *testing.T) gossh.AlgorithmSigner {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, private)
}

func rsaKey(t *testing.T) gossh.AlgorithmSigner {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, private)
}

func ecdsaKey(t *testing.T) gossh.AlgorithmSigner {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, private)
}

// desk is a forwarder with one deploy key for git@gitserver, and what a program on a host has to talk to it.
type desk struct {
	*testing.T
	rec       *recorder
	ctx       context.Context
	forwarder *Forwarder
	deploy    gossh.AlgorithmSigner
	server    gossh.AlgorithmSigner // the git server's host key
	other     gossh.AlgorithmSigner // another server's
}

func newDesk(t *testing.T, deploy gossh.AlgorithmSigner, unbound bool) *desk {
	d := &desk{T: t, rec: &recorder{}, deploy: deploy, server: ed25519Key(t), other: ed25519Key(t)}
	d.ctx = event.WithStream(t.Context(), event.NewStream(d.rec))
	d.forwarder = NewForwarder(ForwarderOptions{
		Keys:    []Key{{File: "/keys/deploy", signer: deploy}},
		To:      []Destination{{User: "git", Host: "gitserver", Port: 22, HostKeys: []gossh.PublicKey{d.server.PublicKey()}}},
		Unbound: unbound,
	})
	t.Cleanup(d.forwarder.Close)
	return d
}

// dial opens a connection to the forwarder. wait returns what Serve returned.
func (d *desk) dial() (conn net.Conn, wait func() error) {
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- d.forwarder.Serve(d.ctx, "web1", there) }()
	var once sync.Once
	var err error
	wait = func() error {
		once.Do(func() { err = <-served })
		return err
	}
	d.Cleanup(func() {
		if err := here.Close(); err != nil {
			d.Error(err)
		}
		_ = wait()
	})
	return here, wait
}

func (d *desk) client() sshagent.ExtendedAgent {
	conn, _ := d.dial()
	return sshagent.NewClient(conn)
}

func text(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = appendString(b, p)
	}
	return b
}

// binding is the contents of a session-bind request that host proves with by.
func bindRequest(t *testing.T, host gossh.PublicKey, by gossh.AlgorithmSigner, session []byte, forwarding byte) []byte {
	t.Helper()
	algorithm := algorithms(by.PublicKey().Type())[0]
	sig, err := by.SignWithAlgorithm(rand.Reader, session, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return append(text(host.Marshal(), session, text([]byte(sig.Format), sig.Blob)), forwarding)
}

func (d *desk) bind(c sshagent.ExtendedAgent, by gossh.AlgorithmSigner, session string) error {
	_, err := c.Extension("session-bind@openssh.com", bindRequest(d.T, by.PublicKey(), by, []byte(session), 0))
	return err
}

// loginData is what a client wants signed to log in; edit changes it first.
func (d *desk) loginData(edit func(*login)) []byte {
	l := login{session: []byte("session"), user: "git", algorithm: algorithms(d.deploy.PublicKey().Type())[0], key: d.deploy.PublicKey().Marshal()}
	if edit != nil {
		edit(&l)
	}
	method := methodPlain
	if l.hostKey != nil {
		method = methodHostbound
	}
	data := append(text(l.session), userauthRequest)
	data = append(data, text([]byte(l.user), []byte("ssh-connection"), []byte(method))...)
	data = append(append(data, 1), text([]byte(l.algorithm), l.key)...)
	if l.hostKey != nil {
		data = append(data, text(l.hostKey)...)
	}
	return data
}

func (d *desk) verify(data []byte, sig *gossh.Signature) {
	d.Helper()
	if err := d.deploy.PublicKey().Verify(data, sig); err != nil {
		d.Errorf("the signature is wrong: %v", err)
	}
}

func TestSignsTheStatedLogin(t *testing.T) {
	for name, key := range map[string]func(*testing.T) gossh.AlgorithmSigner{"ed25519": ed25519Key, "rsa": rsaKey, "ecdsa": ecdsaKey} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, key(t), false)
			c := d.client()
			if err := d.bind(c, d.server, "session"); err != nil {
				t.Fatal(err)
			}
			for _, hostKey := range [][]byte{nil, d.server.PublicKey().Marshal()} {
				data := d.loginData(func(l *login) { l.hostKey = hostKey })
				sig, err := c.SignWithFlags(d.deploy.PublicKey(), data, sshagent.SignatureFlagRsaSha256)
				if err != nil {
					t.Fatal(err)
				}
				d.verify(data, sig)
			}
			used := d.rec.of(event.KeyUsed)
			if len(used) != 2 || used[0].Host != "web1" || !strings.Contains(used[0].Text, gossh.FingerprintSHA256(d.deploy.PublicKey())+" for git@gitserver") {
				t.Errorf("events: %v", used)
			}
			if refused := d.rec.of(event.KeyRefused); len(refused) > 0 {
				t.Errorf("refusals: %v", refused)
			}
		})
	}
}

func TestRSAHonoursTheHash(t *testing.T) {
	d := newDesk(t, rsaKey(t), false)
	c := d.client()
	if err := d.bind(c, d.server, "session"); err != nil {
		t.Fatal(err)
	}
	for flags, algorithm := range map[sshagent.SignatureFlags]string{
		sshagent.SignatureFlagRsaSha256: gossh.KeyAlgoRSASHA256, sshagent.SignatureFlagRsaSha512: gossh.KeyAlgoRSASHA512,
	} {
		data := d.loginData(func(l *login) { l.algorithm = algorithm })
		sig, err := c.SignWithFlags(d.deploy.PublicKey(), data, flags)
		if err != nil {
			t.Fatal(err)
		}
		if sig.Format != algorithm {
			t.Errorf("signed with %s, want %s", sig.Format, algorithm)
		}
		d.verify(data, sig)
	}
	for _, algorithm := range []string{gossh.KeyAlgoRSA, gossh.KeyAlgoRSASHA512} {
		data := d.loginData(func(l *login) { l.algorithm = algorithm })
		if _, err := c.SignWithFlags(d.deploy.PublicKey(), data, 0); err == nil {
			t.Errorf("signed %s with SHA-1", algorithm)
		}
	}
}

// What a program on a host may try, and what it is refused for. Each case begins on a connection of its own.
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
	// A refused binding must also spoil the connection for a signature that would have been fine.
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
		}, "didn't say which server"},
		"another user":       {sign(func(l *login) { l.user = "root" }), `a login as "root" at gitserver`},
		"no user":            {sign(func(l *login) { l.user = "" }), `a login as "" at gitserver`},
		"another session":    {sign(func(l *login) { l.session = []byte("another") }), "another connection"},
		"no session":         {sign(func(l *login) { l.session = nil }), "not an SSH login"},
		"another host key":   {sign(func(l *login) { l.hostKey = []byte("another") }), "another server"},
		"empty host key":     {sign(func(l *login) { l.hostKey = []byte{} }), "another server"},
		"another key within": {sign(func(l *login) { l.key = []byte("another") }), "another key"},
		"another algorithm":  {sign(func(l *login) { l.algorithm = gossh.KeyAlgoRSASHA256 }), `a signature of kind "rsa-sha2-256"`},
		"junk":               {junk(func(*desk) []byte { return []byte("a contract, to sign on the dotted line") }), "not an SSH login"},
		"nothing":            {junk(func(*desk) []byte { return nil }), "not an SSH login"},
		"a login and more":   {junk(func(d *desk) []byte { return append(d.loginData(nil), 0) }), "not an SSH login"},
		"a login cut short":  {junk(func(d *desk) []byte { data := d.loginData(nil); return data[:len(data)-1] }), "not an SSH login"},
		"another message": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte{userauthRequest, 0, 0, 0, 3}, []byte{51, 0, 0, 0, 3}, 1)
		}), "not an SSH login"},
		"another service": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("ssh-connection"), []byte("ssh-connectiom"), 1)
		}), "not an SSH login"},
		"another method": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("publickey"), []byte("hostbased"), 1)
		}), "not an SSH login"},
		"a query": {junk(func(d *desk) []byte {
			return bytes.Replace(d.loginData(nil), []byte("publickey\x01"), []byte("publickey\x00"), 1)
		}), "not an SSH login"},
		"an SSHSIG blob": {junk(func(*desk) []byte {
			return append([]byte("SSHSIG"), text([]byte("git"), nil, []byte("sha512"), make([]byte, 64))...)
		}), "not an SSH login"},
		"another's key": {func(d *desk, c sshagent.ExtendedAgent) error {
			bound(d, c)
			_, err := c.Sign(d.other.PublicKey(), d.loginData(nil))
			return err
		}, "did not name"},
		"binding to another server": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.other.PublicKey(), d.other, []byte("session"), 0)
		}), "which is not one of gitserver"},
		"binding signed by another": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.other, []byte("session"), 0)
		}), "did not sign this session"},
		"binding for forwarding": {binding(func(d *desk) []byte {
			return bindRequest(d.T, d.server.PublicKey(), d.server, []byte("session"), 1)
		}), "forward the agent"},
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
		"removing a key":  {func(d *desk, c sshagent.ExtendedAgent) error { return c.Remove(d.deploy.PublicKey()) }, "only lists and signs"},
		"removing all":    {func(_ *desk, c sshagent.ExtendedAgent) error { return c.RemoveAll() }, "only lists and signs"},
		"locking":         {func(_ *desk, c sshagent.ExtendedAgent) error { return c.Lock([]byte("x")) }, "only lists and signs"},
		"unlocking":       {func(_ *desk, c sshagent.ExtendedAgent) error { return c.Unlock([]byte("x")) }, "only lists and signs"},
		"other extension": {func(_ *desk, c sshagent.ExtendedAgent) error { _, err := c.Extension("query", nil); return err }, ""},
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
			if !strings.Contains(err.Error(), "clone failed (the forwarded agent refused: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("explained as: %v", err)
			}
			// The connection is still good for what is allowed.
			keys, err := c.List()
			if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Blob, d.deploy.PublicKey().Marshal()) || keys[0].Comment != "/keys/deploy" {
				t.Errorf("list: %v, %v", keys, err)
			}
		})
	}
}

// A binding holds for the connection that it came over, and for no other.
func TestBindingsAreKeptApart(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	first, second := d.client(), d.client()
	if err := d.bind(first, d.server, "session"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Sign(d.deploy.PublicKey(), d.loginData(nil)); err == nil {
		t.Error("signed on a connection that nothing was bound to")
	}
	if _, err := first.Sign(d.deploy.PublicKey(), d.loginData(nil)); err != nil {
		t.Error(err)
	}
}

// The user must be that of the destination whose host key it is.
func TestUserBelongsToItsServer(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	d.forwarder.opts.To = append(d.forwarder.opts.To, Destination{User: "deploy", Host: "mirror", Port: 2222, HostKeys: []gossh.PublicKey{d.other.PublicKey()}})
	c := d.client()
	if err := d.bind(c, d.other, "session"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil)); err == nil {
		t.Error("signed a login as git at the server where the user is deploy")
	}
	if _, err := c.Sign(d.deploy.PublicKey(), d.loginData(func(l *login) { l.user = "deploy" })); err != nil {
		t.Error(err)
	}
	if used := d.rec.of(event.KeyUsed); len(used) != 1 || !strings.HasSuffix(used[0].Text, " for deploy@[mirror]:2222") {
		t.Errorf("events: %v", used)
	}
}

func TestUnbound(t *testing.T) {
	d := newDesk(t, ed25519Key(t), true)
	for name, test := range map[string]struct {
		edit func(*login)
		ok   bool
	}{
		"the user":         {nil, true},
		"the server":       {func(l *login) { l.hostKey = d.server.PublicKey().Marshal() }, true},
		"another user":     {func(l *login) { l.user = "root" }, false},
		"another server":   {func(l *login) { l.hostKey = d.other.PublicKey().Marshal() }, false},
		"no login at all ": {func(l *login) { l.session = nil }, false},
	} {
		if _, err := d.client().Sign(d.deploy.PublicKey(), d.loginData(test.edit)); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who says which server it is, is held to it.
	c := d.client()
	if d.bind(c, d.other, "session") == nil {
		t.Error("bound to another server")
	}
	if _, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil)); err == nil {
		t.Error("signed behind a refused binding")
	}
}

func TestScopeEnds(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	conn, wait := d.dial()
	c := sshagent.NewClient(conn)
	if err := d.bind(c, d.server, "session"); err != nil {
		t.Fatal(err)
	}
	d.forwarder.Close()
	if err := wait(); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := c.Sign(d.deploy.PublicKey(), d.loginData(nil)); err == nil {
		t.Error("signed after the scope")
	}
	_, wait = d.dial()
	if err := wait(); !errors.Is(err, ErrClosed) {
		t.Errorf("a new connection: %v", err)
	}
}

func TestServeEnds(t *testing.T) {
	t.Run("with its context", func(t *testing.T) {
		d := newDesk(t, ed25519Key(t), false)
		ctx, cancel := context.WithCancelCause(d.ctx)
		d.ctx = ctx
		_, wait := d.dial()
		why := errors.New("interrupted")
		cancel(why)
		if err := wait(); !errors.Is(err, why) {
			t.Errorf("Serve returned %v", err)
		}
	})
	t.Run("with its connection", func(t *testing.T) {
		d := newDesk(t, ed25519Key(t), false)
		here, there := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- d.forwarder.Serve(d.ctx, "web1", there) }()
		if err := here.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	for name, message := range map[string][]byte{"a message too long": {0, 4, 0, 1}, "an empty message": {0, 0, 0, 0}} {
		t.Run("with "+name, func(t *testing.T) {
			d := newDesk(t, ed25519Key(t), false)
			conn, wait := d.dial()
			if _, err := conn.Write(message); err != nil {
				t.Fatal(err)
			}
			if err := wait(); err == nil || !strings.Contains(err.Error(), "want 1 to 262144") {
				t.Errorf("Serve returned %v", err)
			}
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
}

// Only what was refused on the host in question explains a failure there.
func TestExplainKeepsHostsApart(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	if _, err := d.client().Sign(d.deploy.PublicKey(), d.loginData(nil)); err == nil {
		t.Fatal("signed")
	}
	failed := errors.New("clone failed")
	if err := d.forwarder.Explain(event.WithHost(d.ctx, "web2"), failed); err != failed {
		t.Errorf("web2: %v", err)
	}
	err := d.forwarder.Explain(event.WithHost(d.ctx, "web1"), failed)
	if !errors.Is(err, failed) || !strings.Contains(event.Hint(err), "--agent host") {
		t.Errorf("web1: %v, hint %q", err, event.Hint(err))
	}
	if err := d.forwarder.Explain(d.ctx, nil); err != nil {
		t.Error(err)
	}
}
