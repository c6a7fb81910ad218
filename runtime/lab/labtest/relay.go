package labtest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Relay forwards TCP connections to a server, so that a test can count, delay or drop what passes.
// Many goroutines call its functions; nil ones are skipped.
type Relay struct {
	// Opened and Closed are called for each connection from a client.
	Opened, Closed func()
	// Pass is called before n bytes are forwarded, and with n = 0 before the end of one direction
	// is. If it returns false, they are dropped silently.
	Pass func(toServer bool, n int) bool
	// Delay is the time that each direction takes.
	Delay time.Duration
}

// Listen starts forwarding to address, host:port, and returns the relay's own port on 127.0.0.1.
// The relay stops at the end of the test.
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

// pass copies one direction until its end, and then closes the other side unless Pass drops the
// end.
func (r Relay) pass(from, to net.Conn, toServer bool) {
	travelling := make(chan parcel, 1024)
	var arriving sync.WaitGroup
	defer arriving.Wait()
	arriving.Go(func() { deliver(from, to, travelling) })
	defer close(travelling)
	for {
		buffer := make([]byte, 64<<10)
		n, err := from.Read(buffer)
		if n > 0 && (r.Pass == nil || r.Pass(toServer, n)) {
			travelling <- parcel{buffer[:n], time.Now().Add(r.Delay)}
		}
		if err != nil {
			if r.Pass == nil || r.Pass(toServer, 0) {
				travelling <- parcel{due: time.Now().Add(r.Delay)}
			}
			return
		}
	}
}

// parcel holds the bytes of one read, nil for the end.
type parcel struct {
	bytes []byte
	due   time.Time
}

// deliver writes parcels when they are due.
func deliver(from, to net.Conn, travelling <-chan parcel) {
	for p := range travelling {
		if wait := time.Until(p.due); wait > 0 {
			time.Sleep(wait)
		}
		if p.bytes == nil {
			_ = to.Close()
		} else if _, err := to.Write(p.bytes); err != nil {
			_ = from.Close()
			_ = to.Close()
		}
	}
}
