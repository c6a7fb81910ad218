package ssh

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

// sshd drops logins beyond MaxStartups. They are tried again until all succeed.
func TestMaxStartups(t *testing.T) {
	s := sshtest.Start(t, "MaxStartups 2:100:2")
	d := newDialer(t, Options{ConnectTimeout: time.Minute})
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		target := s.Target(t)
		wg.Go(func() { errs[i] = dial(t.Context(), t, d, target) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if !s.Logged("MaxStartups") {
		t.Error("nothing was dropped, so nothing was tried")
	}
}

// A server that drops every connection causes an error at the deadline.
func TestAlwaysDropped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan int)
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				done <- n
				return
			}
			_ = c.Close()
		}
	}()
	target := sshtest.Start(t).Target(t)
	target.Port = l.Addr().(*net.TCPAddr).Port
	target.KnownHosts = nil
	err = dial(t.Context(), t, newDialer(t, Options{ConnectTimeout: time.Second}), target)
	_ = l.Close()
	var refused *ConnectError
	if !errors.As(err, &refused) || refused.Cause != NoHandshake ||
		!strings.Contains(err.Error(), "closes every new connection") ||
		!strings.Contains(event.Hint(err), "MaxStartups") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
	if n := <-done; n < 2 {
		t.Errorf("%d attempts", n)
	}
}
