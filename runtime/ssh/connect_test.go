package ssh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/relay"
)

func TestUnknownKey(t *testing.T) {
	s := startSSHD(t)
	target := s.target(t)
	target.KnownHosts = []string{filepath.Join(t.TempDir(), "new", "known_hosts")}
	p := newPool(t, PoolOptions{})
	err := p.Host(target).Connect(t.Context())
	var unknown *UnknownKeyError
	if !errors.As(err, &unknown) || !strings.HasPrefix(unknown.Fingerprint, "SHA256:") || !strings.Contains(event.Hint(err), unknown.Accept) {
		t.Fatalf("%v, hint %q", err, event.Hint(err))
	}
	// The command that is offered is the one that helps.
	if out, err := exec.Command("/bin/sh", "-c", unknown.Accept).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", unknown.Accept, err, out)
	}
	must(t, p.Host(target).Connect(t.Context()))
}

func TestChangedKey(t *testing.T) {
	s := startSSHD(t)
	target := s.target(t)
	other := newKey(t, filepath.Join(t.TempDir(), "other"))
	must(t, os.WriteFile(target.KnownHosts[0], []byte("# mine\n[127.0.0.1]:"+portOf(s)+" "+other+"\n"), 0o600))
	p := newPool(t, PoolOptions{})
	err := p.Host(target).Connect(t.Context())
	var changed *ChangedKeyError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), target.KnownHosts[0]+":2") {
		t.Fatalf("%v", err)
	}
	if out, err := exec.Command("/bin/sh", "-c", changed.Accept).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", changed.Accept, err, out)
	}
	must(t, p.Host(target).Connect(t.Context()))
}

func portOf(s *sshd) string { return strings.TrimPrefix(s.address(), "127.0.0.1:") }

func TestPinnedKey(t *testing.T) {
	s := startSSHD(t)
	target := s.target(t)
	target.KnownHosts = nil
	target.HostKey = s.hostKey
	p := newPool(t, PoolOptions{})
	must(t, p.Host(target).Connect(t.Context()))
	target.HostKey = newKey(t, filepath.Join(t.TempDir(), "other"))
	var changed *ChangedKeyError
	if err := p.Host(target).Connect(t.Context()); !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
}

// A host with several keys must show the one that is known.
func TestKnownKeyIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range []string{"rsa", "ecdsa"} {
		keygen(t, "-q", "-t", kind, "-N", "", "-f", filepath.Join(dir, kind))
	}
	s := startSSHD(t, "HostKey "+dir+"/rsa", "HostKey "+dir+"/ecdsa")
	p := newPool(t, PoolOptions{})
	for _, kind := range []string{"rsa", "ecdsa"} {
		target := s.target(t)
		public, err := os.ReadFile(filepath.Join(dir, kind+".pub"))
		must(t, err)
		must(t, os.WriteFile(target.KnownHosts[0], []byte("[127.0.0.1]:"+portOf(s)+" "+string(public)), 0o600))
		keygen(t, "-q", "-H", "-f", target.KnownHosts[0]) // hashed, as Debian writes them
		must(t, p.Host(target).Connect(t.Context()))
		known, err := KnownServer(append(target.KnownHosts, "/does/not/exist"), "[127.0.0.1]:"+portOf(s))
		if err != nil || len(known.Keys) != 1 || !strings.Contains(known.Keys[0].Type(), kind) || len(known.Authorities)+len(known.Revoked) > 0 {
			t.Errorf("known: %v, %v", known, err)
		}
	}
}

func keygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen %v (package openssh-client): %v: %s", args, err, out)
	}
}

func TestHostCertificate(t *testing.T) {
	dir := t.TempDir()
	ca := newKey(t, filepath.Join(dir, "ca"))
	keygen(t, "-q", "-t", "ecdsa", "-N", "", "-f", filepath.Join(dir, "host"))
	keygen(t, "-q", "-s", filepath.Join(dir, "ca"), "-I", "web1", "-h", "-n", "web1.example,127.0.0.1", filepath.Join(dir, "host.pub"))
	s := startSSHD(t, "HostKey "+dir+"/host", "HostCertificate "+dir+"/host-cert.pub")
	p := newPool(t, PoolOptions{})
	target := s.target(t)
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority [127.0.0.1]:"+portOf(s)+" "+ca+"\n"), 0o600))
	must(t, p.Host(target).Connect(t.Context()))
	// Under a name that the certificate isn't for, it is worth nothing.
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority * "+ca+"\n"), 0o600))
	target.HostKeyAlias = "db1"
	if err := p.Host(target).Connect(t.Context()); err == nil {
		t.Error("a certificate for another name passed")
	}
	target.HostKeyAlias = "web1.example"
	must(t, p.Host(target).Connect(t.Context()))
	// The authority's own key is no host's key, whoever shows it.
	s = startSSHD(t)
	target = s.target(t)
	must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority [127.0.0.1]:"+portOf(s)+" "+s.hostKey+"\n"), 0o600))
	var unknown *UnknownKeyError
	if err := p.Host(target).Connect(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("an authority's key as a host key: %v", err)
	}
}

func TestRevokedKey(t *testing.T) {
	s := startSSHD(t)
	target := s.target(t)
	must(t, os.WriteFile(target.KnownHosts[0], []byte("[127.0.0.1]:"+portOf(s)+" "+s.hostKey+"\n@revoked * "+s.hostKey+"\n"), 0o600))
	var revoked *RevokedKeyError
	if err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context()); !errors.As(err, &revoked) {
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
	p := newPool(t, PoolOptions{ConnectTimeout: time.Second})
	for _, c := range []struct {
		address string
		port    int
		cause   Cause
	}{
		{"no-such-host.invalid", 22, NameUnknown},
		{"127.0.0.1", freePort(t), Refused},
		{"127.0.0.1", silent.Addr().(*net.TCPAddr).Port, TimedOut},
		{"127.0.0.1", talker.Addr().(*net.TCPAddr).Port, NoHandshake},
	} {
		t.Run(string(c.cause), func(t *testing.T) {
			began := time.Now()
			err := p.Host(inventory.Host{Name: "web1", Address: c.address, Port: c.port, User: "deploy"}).Connect(t.Context())
			var e *ConnectError
			if !errors.As(err, &e) || e.Cause != c.cause || event.Hint(err) == "" {
				t.Errorf("%v (%+v), hint %q", err, e, event.Hint(err))
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(100*time.Millisecond, func() { cancel(interrupted) })
	err = p.Host(inventory.Host{Name: "web1", Address: "127.0.0.1", Port: silent.Addr().(*net.TCPAddr).Port}).Connect(ctx)
	if !errors.Is(err, interrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

// Two hosts behind one bastion share a connection to it.
func TestJump(t *testing.T) {
	bastion, inner := startSSHD(t), startSSHD(t)
	p := newPool(t, PoolOptions{})
	via := bastion.target(t)
	via.Name = "bastion"
	var hosts []*Host
	for range 2 {
		target := inner.target(t)
		target.Via = &via
		h := p.Host(target)
		if out := run(t, h, Command{Script: "echo inside"}).Stdout; out != "inside\n" {
			t.Errorf("got %q", out)
		}
		hosts = append(hosts, h)
	}
	if n := bastion.sessions(t); n != 1 {
		t.Errorf("%d connections to the bastion", n)
	}
	must(t, p.Close())
	eventually(t, "the bastion is left", func() bool { return bastion.sessions(t) == 0 })
	if err := hosts[0].Connect(t.Context()); err == nil {
		t.Error("a closed pool connected")
	}
}

func TestBastionForbidsTunnels(t *testing.T) {
	bastion, inner := startSSHD(t, "AllowTcpForwarding no"), startSSHD(t)
	via := bastion.target(t)
	target := inner.target(t)
	target.Via = &via
	err := newPool(t, PoolOptions{}).Host(target).Connect(t.Context())
	var e *ConnectError
	if !errors.As(err, &e) || e.Cause != NoTunnel || !strings.Contains(event.Hint(err), "AllowTcpForwarding") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

// What runs when the connection goes has an unknown outcome, and the host is there again for the next command.
func TestConnectionLost(t *testing.T) {
	s := startSSHD(t)
	h := newPool(t, PoolOptions{}).Host(s.target(t))
	must(t, h.Connect(t.Context()))
	sink := sinkFunc(func(e event.Event) {
		if e.Kind == event.Output {
			if out, err := exec.Command("pkill", "-KILL", "-P", strconv.Itoa(s.cmd.Process.Pid)).CombinedOutput(); err != nil {
				t.Errorf("pkill (package procps): %v: %s", err, out)
			}
		}
	})
	_, err := h.Run(event.WithStream(t.Context(), event.NewStream(sink)), Command{Script: "echo on; sleep 20; echo off"})
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "unknown") {
		t.Fatalf("%v", err)
	}
	run(t, h, Command{Script: "true"})
}

// A peer that swallows everything is noticed.
func TestDeadPeer(t *testing.T) {
	s := startSSHD(t)
	var silent atomic.Bool
	target := s.target(t)
	target.HostKey, target.Port = s.hostKey, relay.Relay{Pass: func(bool, int) bool { return !silent.Load() }}.Listen(t, s.address())
	h := newPool(t, PoolOptions{KeepAlive: 100 * time.Millisecond}).Host(target)
	run(t, h, Command{Script: "sleep 1"}) // longer than all three questions
	silent.Store(true)
	began := time.Now()
	_, err := h.Run(t.Context(), Command{Script: "true"})
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "no answer for") {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("noticed after %v", d)
	}
}
