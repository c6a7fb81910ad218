package transfer

import (
	"context"
	"sync"
	"time"

	"runbook/runtime/event"
)

// progressEvery is the time between two events about the progress of a transfer. A shorter transfer
// emits none.
const progressEvery = 500 * time.Millisecond

// progress is an io.Writer that counts the bytes of a transfer and emits events about
// them. The channels of one file share it.
type progress struct {
	ctx         context.Context
	host        string
	what        string
	mu          sync.Mutex // guards the fields below
	done, total int64      // total is 0 if it is not known
	shown       time.Time
}

func newProgress(ctx context.Context, host, what string, total int64) *progress {
	return &progress{ctx: ctx, host: host, what: what, total: total, shown: time.Now()}
}

// Write counts b.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(len(b))
	if now := time.Now(); now.Sub(p.shown) >= progressEvery {
		p.shown = now
		event.Emit(p.ctx, event.Event{Kind: event.Transferring, Host: p.host, Text: p.what,
			Bytes: p.done, Total: p.total})
	}
	return len(b), nil
}
