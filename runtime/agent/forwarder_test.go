package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

func TestSignsTheStatedLogin(t *testing.T) {
	for name, key := range map[string]func(*testing.T) gossh.AlgorithmSigner{"ed25519": ed25519Key, "rsa": rsaKey,
		"ecdsa": ecdsaKey} {
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
			if len(used) != 2 || used[0].Host != "web1" ||
				!strings.Contains(used[0].Text, gossh.FingerprintSHA256(d.deploy.PublicKey())+" for git@gitserver") {
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
		sshagent.SignatureFlagRsaSha256: gossh.KeyAlgoRSASHA256,
		sshagent.SignatureFlagRsaSha512: gossh.KeyAlgoRSASHA512,
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

// A binding is valid only on its own connection.
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

// The user must be the one of the destination with this host key.
func TestUserBelongsToItsServer(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	d.forwarder.opts.To = append(d.forwarder.opts.To,
		Destination{Target: inventory.Target{User: "deploy", Host: "mirror", Port: 2222},
			HostKeys: ssh.Known{Keys: []gossh.PublicKey{d.other.PublicKey()}}})
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
	if used := d.rec.of(event.KeyUsed); len(used) != 1 ||
		!strings.HasSuffix(used[0].Text, " for deploy@[mirror]:2222") {
		t.Errorf("events: %v", used)
	}
}

// A binding by a certificate is accepted if a known authority signed it. A revoked key never is.
func TestCertifiedServer(t *testing.T) {
	authority := ed25519Key(t)
	for name, test := range map[string]struct {
		known func(d *desk) ssh.Known
		want  string // what the refusal says, "" for none
	}{
		"its authority": {func(*desk) ssh.Known {
			return ssh.Known{Authorities: []gossh.PublicKey{authority.PublicKey()}}
		}, ""},
		"another": {func(d *desk) ssh.Known {
			return ssh.Known{Authorities: []gossh.PublicKey{d.other.PublicKey()}}
		}, "which does not belong to gitserver"},
		"revoked": {func(d *desk) ssh.Known {
			return ssh.Known{Authorities: []gossh.PublicKey{authority.PublicKey()},
				Revoked: []knownhosts.KnownKey{{Key: d.server.PublicKey(), Filename: "known_hosts", Line: 7}}}
		}, "which known_hosts:7 revokes"},
	} {
		d := newDesk(t, ed25519Key(t), false)
		cert := &gossh.Certificate{Key: d.server.PublicKey(), CertType: gossh.HostCert,
			ValidPrincipals: []string{"gitserver"}, ValidBefore: gossh.CertTimeInfinity}
		if err := cert.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		d.forwarder.opts.To[0].HostKeys = test.known(d)
		c := d.client()
		_, err := c.Extension("session-bind@openssh.com", bindRequest(t, cert, d.server, []byte("session"), 0))
		refused := d.rec.of(event.KeyRefused)
		if test.want != "" {
			if err == nil || len(refused) != 1 || !strings.Contains(refused[0].Text, test.want) {
				t.Errorf("%s: %v, %v", name, err, refused)
			}
			continue
		}
		if err != nil || len(refused) > 0 {
			t.Fatalf("%s: %v, %v", name, err, refused)
		}
		for _, hostKey := range [][]byte{nil, cert.Marshal()} {
			data := d.loginData(func(l *login) { l.hostKey = hostKey })
			sig, err := c.Sign(d.deploy.PublicKey(), data)
			if err != nil {
				t.Fatal(err)
			}
			d.verify(data, sig)
		}
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
	// Even with Unbound, a client that names another server gets no signature.
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

// A failure on a host is explained only by refusals on that host.
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

// Endless requests of a host become 20 events and one count of the rest, even over many
// connections.
func TestManyRefusalsAreSummedUp(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	for range 10 {
		c := d.client()
		for range 5 {
			if _, err := c.Sign(d.deploy.PublicKey(), []byte("junk")); err == nil {
				t.Error("it signed junk")
			}
		}
	}
	if got := d.rec.of(event.KeyRefused); len(got) != 20 {
		t.Errorf("%d refusals are told", len(got))
	}
	d.forwarder.Close()
	got := d.rec.of(event.KeyRefused)
	if len(got) != 21 || got[20].Text != "30 more requests" || got[20].Host != "web1" || got[20].Hint == "" {
		t.Errorf("%d refusals are told, at last %+v", len(got), got[len(got)-1])
	}
	d.forwarder.Close()
	if again := d.rec.of(event.KeyRefused); len(again) != len(got) {
		t.Errorf("they are told again: %+v", again[len(got):])
	}
}

func TestFewRefusalsAreNotSummedUp(t *testing.T) {
	d := newDesk(t, ed25519Key(t), false)
	c := d.client()
	for range 20 {
		if _, err := c.Sign(d.deploy.PublicKey(), []byte("junk")); err == nil {
			t.Error("it signed junk")
		}
	}
	d.forwarder.Close()
	if got := d.rec.of(event.KeyRefused); len(got) != 20 {
		t.Errorf("%d refusals are told", len(got))
	}
}
