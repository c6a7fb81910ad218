package ssh

import (
	"context"
	"time"

	"runbook/runtime/event"
)

// progressEvery is how often a transfer tells how far it is. What takes less time than that tells nothing.
const progressEvery = 500 * time.Millisecond

// progress is how far a transfer is: an io.Writer of the bytes that went by.
type progress struct {
	ctx         context.Context
	what        string
	done, total int64 // total is 0 when it is not known
	told        time.Time
}

func newProgress(ctx context.Context, what string, total int64) *progress {
	return &progress{ctx: ctx, what: what, total: total, told: time.Now()}
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if now := time.Now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		event.Emit(p.ctx, event.Event{Kind: event.Transferring, Text: p.what, Bytes: p.done, Total: p.total})
	}
	return len(b), nil
}
