package ssh

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// deadline limits the time for connecting. It is paused while a person is asked.
type deadline struct {
	ctx    context.Context // ends with the deadline
	cancel context.CancelFunc
	length time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	ends   time.Time
	rest   time.Duration // the time left when it was paused
	late   bool
	paused int
	conn   net.Conn
	unhook func() bool
}

func newDeadline(ctx context.Context, length time.Duration) *deadline {
	d := &deadline{length: length, ends: time.Now().Add(length)}
	d.ctx, d.cancel = context.WithCancel(ctx)
	d.timer = time.AfterFunc(length, d.expire)
	// The handshake takes no context: closing its connection ends it.
	d.unhook = context.AfterFunc(d.ctx, d.cut)
	return d
}

func (d *deadline) expire() {
	d.mu.Lock()
	d.late = true
	d.mu.Unlock()
	d.cancel()
}

func (d *deadline) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.Close() // it may be closed already
	}
}

// closes makes the deadline close conn.
func (d *deadline) closes(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	if d.ctx.Err() != nil {
		_ = conn.Close() // it passed a moment ago
	}
}

func (d *deadline) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused++; d.paused == 1 {
		d.timer.Stop()
		d.rest = time.Until(d.ends)
	}
}

func (d *deadline) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused--; d.paused == 0 {
		d.ends = time.Now().Add(d.rest)
		d.timer.Reset(d.rest)
	}
}

// passed reports whether the time is over.
func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.late
}

// sleep waits for about this long. It returns false if the deadline passes first.
func (d *deadline) sleep(wait time.Duration) bool {
	t := time.NewTimer(wait/2 + rand.N(wait))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.ctx.Done():
		return false
	}
}

// release keeps the deadline from closing the connection. It returns false if that is too late.
func (d *deadline) release() bool {
	d.timer.Stop()
	return d.unhook()
}

// stop ends the deadline.
func (d *deadline) stop() {
	d.timer.Stop()
	d.unhook()
	d.cancel()
}
