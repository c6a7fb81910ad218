// Package relay stands between a client and a server in tests that count, delay or swallow what travels.
package relay

import (
	"net"
	"sync"
	"testing"
)

// Relay passes TCP connections on. Its functions are called by many goroutines; those that are nil aren't called.
type Relay struct {
	// Opened and Closed are told of each connection from a client.
	Opened, Closed func()
	// Pass is asked before n bytes go on, or the end of that direction, where n is 0. What it says no to is dropped, and nobody is told.
	Pass func(toServer bool, n int) bool
}

// Listen is the port on 127.0.0.1 at which the relay stands before address, host:port, until the test ends.
func (r Relay) Listen(t testing.TB, address string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				_ = client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, server)
			mu.Unlock()
			if r.Opened != nil {
				r.Opened()
			}
			all.Go(func() { r.pass(server, client, false) })
			all.Go(func() {
				r.pass(client, server, true)
				if r.Closed != nil {
					r.Closed()
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close() // most have ended
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port
}

// pass copies until an end. Where that is passed on, the other side is closed.
func (r Relay) pass(from, to net.Conn, toServer bool) {
	for buffer := make([]byte, 1<<20); ; {
		n, readErr := from.Read(buffer)
		if n > 0 && (r.Pass == nil || r.Pass(toServer, n)) {
			if _, err := to.Write(buffer[:n]); err != nil {
				_ = from.Close()
				return
			}
		}
		if readErr != nil {
			if r.Pass == nil || r.Pass(toServer, 0) {
				_ = to.Close()
			}
			return
		}
	}
}
