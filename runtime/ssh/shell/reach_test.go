package shell

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh"
)

// Two hosts behind one jump host share the connection to it.
func TestJump(t *testing.T) {
	bastion, inner := sshtest.Start(t), sshtest.Start(t)
	p := newPool(t, Options{})
	via := bastion.Target(t)
	via.Name = "bastion"
	var hosts []*Host
	for range 2 {
		target := inner.Target(t)
		target.Via = &via
		h := p.Host(target)
		if out := run(t, h, Command{Script: "echo inside"}).Stdout; out != "inside\n" {
			t.Errorf("got %q", out)
		}
		hosts = append(hosts, h)
	}
	if n := bastion.Sessions(t); n != 1 {
		t.Errorf("%d connections to the bastion", n)
	}
	must(t, p.Close())
	sshtest.Eventually(t, "the connection to the jump host is closed", func() bool { return bastion.Sessions(t) == 0 })
	if err := hosts[0].Connect(t.Context()); err == nil {
		t.Error("a closed pool connected")
	}
}

// A command whose connection is lost has an unknown outcome. The next command connects again.
func TestConnectionLost(t *testing.T) {
	s := sshtest.Start(t)
	h := newPool(t, Options{}).Host(s.Target(t))
	must(t, h.Connect(t.Context()))
	sink := sinkFunc(func(e event.Event) {
		if e.Kind == event.Output {
			s.DropConnections(t)
		}
	})
	_, err := h.Run(event.WithStream(t.Context(), event.NewStream(sink)),
		Command{Script: "echo on; sleep 20; echo off"})
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "unknown") {
		t.Fatalf("%v", err)
	}
	run(t, h, Command{Script: "true"})
}

// A network that drops everything is noticed.
func TestDeadPeer(t *testing.T) {
	s := sshtest.Start(t)
	var silent atomic.Bool
	target := s.Target(t)
	target.HostKey, target.Port = s.HostKey, labtest.Relay{Pass: func(bool,
		int) bool {
		return !silent.Load()
	}}.Listen(t, s.Address())
	h := newPool(t, Options{Options: ssh.Options{KeepAlive: 100 * time.Millisecond}}).Host(target)
	run(t, h, Command{Script: "sleep 1"}) // longer than three keepalive requests
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
