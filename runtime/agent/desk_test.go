package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
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

// desk is a forwarder with one deploy key for git@gitserver. Its clients connect as programs on a
// host do.
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
		Keys: []Key{{deploy}},
		To: []Destination{{Target: inventory.Target{User: "git", Host: "gitserver", Port: 22},
			HostKeys: ssh.Known{Keys: []gossh.PublicKey{d.server.PublicKey()}}}},
		Unbound: unbound, Signatures: 10,
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

// bindRequest returns the contents of a session-bind request for host, signed with by.
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

// loginData returns the data that a client wants signed to log in; edit changes it first.
func (d *desk) loginData(edit func(*login)) []byte {
	l := login{session: []byte("session"), user: "git", algorithm: algorithms(d.deploy.PublicKey().Type())[0],
		key: d.deploy.PublicKey().Marshal()}
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
