package ssh

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/event"
)

// sshd drops logins that are too many at once: they come in nevertheless, one after the other.
func TestMaxStartups(t *testing.T) {
	d := startSSHD(t, "MaxStartups 2:100:2")
	p := newPool(t, PoolOptions{ConnectTimeout: time.Minute})
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		h := p.Host(d.target(t))
		wg.Go(func() { _, errs[i] = h.Run(t.Context(), Command{Script: "true"}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if !d.logged("MaxStartups") {
		t.Error("nothing was dropped, so nothing was tried")
	}
}

// What always hangs up is told of when the time is over.
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
	target := startSSHD(t).target(t)
	target.Port = l.Addr().(*net.TCPAddr).Port
	target.KnownHosts = nil
	err = newPool(t, PoolOptions{ConnectTimeout: time.Second}).Host(target).Connect(t.Context())
	_ = l.Close()
	var refused *ConnectError
	if !errors.As(err, &refused) || refused.Cause != NoHandshake || !strings.Contains(err.Error(), "closes every new connection") || !strings.Contains(event.Hint(err), "MaxStartups") {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
	if n := <-done; n < 2 {
		t.Errorf("%d attempts", n)
	}
}
