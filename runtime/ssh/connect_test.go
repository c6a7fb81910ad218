package ssh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

func TestUnknownKey(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	target.KnownHosts = []string{filepath.Join(t.TempDir(), "new", "known_hosts")}
	d := newDialer(t, Options{})
	err := dial(t.Context(), t, d, target)
	var unknown *UnknownKeyError
	if !errors.As(err, &unknown) || !strings.HasPrefix(unknown.Fingerprint, "SHA256:") ||
		!strings.Contains(event.Hint(err), unknown.Accept) {
		t.Fatalf("%v, hint %q", err, event.Hint(err))
	}
	// The command in the error makes the key known.
	if out, err := exec.Command("/bin/sh", "-c", unknown.Accept).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", unknown.Accept, err, out)
	}
	must(t, dial(t.Context(), t, d, target))
}

func TestChangedKey(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	other := sshtest.NewKey(t, filepath.Join(t.TempDir(), "other"))
	must(t, os.WriteFile(target.KnownHosts[0], []byte("# mine\n[127.0.0.1]:"+portOf(s)+" "+other+"\n"), 0o600))
	d := newDialer(t, Options{})
	err := dial(t.Context(), t, d, target)
	var changed *ChangedKeyError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), target.KnownHosts[0]+":2") {
		t.Fatalf("%v", err)
	}
	if out, err := exec.Command("/bin/sh", "-c", changed.Accept).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", changed.Accept, err, out)
	}
	must(t, dial(t.Context(), t, d, target))
}

func portOf(s *sshtest.Server) string { return strings.TrimPrefix(s.Address(), "127.0.0.1:") }

func TestPinnedKey(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	target.KnownHosts = nil
	target.HostKey = s.HostKey
	d := newDialer(t, Options{})
	must(t, dial(t.Context(), t, d, target))
	target.HostKey = sshtest.NewKey(t, filepath.Join(t.TempDir(), "other"))
	var changed *ChangedKeyError
	if err := dial(t.Context(), t, d, target); !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
}

// A host with several keys presents the known one.
func TestKnownKeyIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range []string{"rsa", "ecdsa"} {
		sshtest.Keygen(t, "-q", "-t", kind, "-N", "", "-f", filepath.Join(dir, kind))
	}
	s := sshtest.Start(t, "HostKey "+dir+"/rsa", "HostKey "+dir+"/ecdsa")
	d := newDialer(t, Options{})
	for _, kind := range []string{"rsa", "ecdsa"} {
		target := s.Target(t)
		public, err := os.ReadFile(filepath.Join(dir, kind+".pub"))
		must(t, err)
		must(t, os.WriteFile(target.KnownHosts[0], []byte("[127.0.0.1]:"+portOf(s)+" "+string(public)), 0o600))
		sshtest.Keygen(t, "-q", "-H", "-f", target.KnownHosts[0]) // hashed, as Debian writes them
		must(t, dial(t.Context(), t, d, target))
		known, err := KnownServer(append(target.KnownHosts, "/does/not/exist"), "[127.0.0.1]:"+portOf(s))
		if err != nil || len(known.Keys) != 1 || !strings.Contains(known.Keys[0].Type(), kind) ||
			len(known.Authorities)+len(known.Revoked) > 0 {
			t.Errorf("known: %v, %v", known, err)
		}
	}
}

func TestHostCertificate(t *testing.T) {
	dir := t.TempDir()
	ca := sshtest.NewKey(t, filepath.Join(dir, "ca"))
	sshtest.Keygen(t, "-q", "-t", "ecdsa", "-N", "", "-f", filepath.Join(dir, "host"))
	sshtest.Keygen(t, "-q", "-s", filepath.Join(dir, "ca"), "-I", "web1", "-h", "-n", "web1.example,127.0.0.1",
		filepath.Join(dir, "host.pub"))
	s := sshtest.Start(t, "HostKey "+dir+"/host", "HostCertificate "+dir+"/host-cert.pub")
	d := newDialer(t, Options{})
	target := s.Target(t)
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority [127.0.0.1]:"+portOf(s)+" "+ca+"\n"), 0o600))
	must(t, dial(t.Context(), t, d, target))
	// The certificate is not valid for another name.
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority * "+ca+"\n"), 0o600))
	target.HostKeyAlias = "db1"
	if err := dial(t.Context(), t, d, target); err == nil {
		t.Error("a certificate for another name was accepted")
	}
	target.HostKeyAlias = "web1.example"
	must(t, dial(t.Context(), t, d, target))
	// The key of an authority is not a host key, whoever presents it.
	s = sshtest.Start(t)
	target = s.Target(t)
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority [127.0.0.1]:"+portOf(s)+" "+s.HostKey+"\n"),
		0o600))
	var unknown *UnknownKeyError
	if err := dial(t.Context(), t, d, target); !errors.As(err, &unknown) {
		t.Errorf("an authority's key as a host key: %v", err)
	}
}

func TestRevokedKey(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	must(t, os.WriteFile(target.KnownHosts[0],
		[]byte("[127.0.0.1]:"+portOf(s)+" "+s.HostKey+"\n@revoked * "+s.HostKey+"\n"), 0o600))
	var revoked *RevokedKeyError
	if err := dial(t.Context(), t, newDialer(t, Options{}), target); !errors.As(err, &revoked) || IsUnreachable(err) {
		t.Errorf("%v", err)
	}
}

func TestConnectErrors(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody answers
	must(t, err)
	defer func() { must(t, silent.Close()) }()
	talker, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		for {
			c, err := talker.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.Close()
		}
	}()
	defer func() { must(t, talker.Close()) }()
	d := newDialer(t, Options{ConnectTimeout: time.Second})
	for _, c := range []struct {
		address string
		port    int
		cause   Cause
	}{
		{"no-such-host.invalid", 22, NameUnknown},
		{"127.0.0.1", sshtest.FreePort(t), Refused},
		{"127.0.0.1", silent.Addr().(*net.TCPAddr).Port, TimedOut},
		{"127.0.0.1", talker.Addr().(*net.TCPAddr).Port, NoHandshake},
		{"255.255.255.255", 22, Unreachable}, // the kernel refuses TCP to a broadcast address
	} {
		t.Run(string(c.cause), func(t *testing.T) {
			began := time.Now()
			err := dial(t.Context(), t, d, inventory.Host{Name: "web1", Address: c.address, Port: c.port,
				User: "deploy"})
			var e *ConnectError
			if !errors.As(err, &e) || e.Cause != c.cause || event.Hint(err) == "" {
				t.Errorf("%v (%+v), hint %q", err, e, event.Hint(err))
			}
			if strings.Contains(err.Error(), "dial tcp") {
				t.Errorf("%v: Go's words", err)
			}
			if IsUnreachable(err) != (c.cause != NoHandshake) {
				t.Errorf("unreachable: %v", IsUnreachable(err))
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(100*time.Millisecond, func() { cancel(interrupted) })
	err = dial(ctx, t, d, inventory.Host{Name: "web1", Address: "127.0.0.1", Port: silent.Addr().(*net.TCPAddr).Port})
	if !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestBastionForbidsTunnels(t *testing.T) {
	bastion, inner := sshtest.Start(t, "AllowTcpForwarding no"), sshtest.Start(t)
	via := bastion.Target(t)
	target := inner.Target(t)
	target.Via = &via
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	var e *ConnectError
	if !errors.As(err, &e) || e.Cause != NoTunnel || !strings.Contains(event.Hint(err), "AllowTcpForwarding") ||
		IsUnreachable(err) {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

// TestUnreachableBehindBastion: a host is unreachable if nothing listens on its port, or if its
// jump host cannot be reached.
func TestUnreachableBehindBastion(t *testing.T) {
	via, target := sshtest.Start(t).Target(t), inventory.Host{Name: "web1", Address: "127.0.0.1",
		Port: sshtest.FreePort(t), User: "deploy"}
	target.Via = &via
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	var e *ConnectError
	if !errors.As(err, &e) || e.Cause != NoTunnel || !IsUnreachable(err) {
		t.Errorf("nothing listens: %v", err)
	}
	via.Port = sshtest.FreePort(t)
	if err := dial(t.Context(), t, newDialer(t, Options{}), target); !IsUnreachable(err) ||
		!strings.Contains(err.Error(), "bastion") {
		t.Errorf("no bastion: %v", err)
	}
	other := sshtest.Start(t).Target(t) // shows another key than the one that is known
	via.Port, via.HostKey = other.Port, sshtest.Start(t).HostKey
	var changed *ChangedKeyError
	if err := dial(t.Context(), t, newDialer(t, Options{}), target); !errors.As(err, &changed) || IsUnreachable(err) {
		t.Errorf("another key: %v", err)
	}
}
