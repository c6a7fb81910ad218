package shell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/runtime/event"
)

// The pauses before a command is tried again: the first one, and the limit of the others, each
// twice as long as the one before.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// Run runs c and waits for its end. A status other than 0 is an *ExitError, unless c says
// otherwise. Other errors are *TimeoutError, *LostError, *SudoError, the cause of ctx, or that of a
// failed connection. Whatever the error, the Result has what was printed until then.
//
// With c.Retries it tries again after a status other than 0, and after a timeout that ended
// everything. It does not after a lost connection: the command may still be running.
//
// A command that leaves a process in the background must redirect the output of that process.
// Otherwise it appears in the output of a later command.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx = h.context(ctx)
	pause := h.pool.pause
	for n := 1; ; n++ {
		result, err := h.runOnce(ctx, c)
		reason := retryReason(result, err)
		if reason == nil || n > c.Retries || ctx.Err() != nil || h.pool.opts.DryRun {
			return result, err
		}
		event.Emit(ctx, event.Event{Kind: event.Warning,
			Text: fmt.Sprintf("attempt %d of %d failed, the next follows after %v: %v", n, c.Retries+1, pause, reason)})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return result, context.Cause(ctx)
		}
		pause = min(2*pause, longestPause)
	}
}

// retryReason returns why a command may be tried again, or nil.
func retryReason(result Result, err error) error {
	var exit *ExitError
	var late *TimeoutError
	switch {
	case err == nil && result.Code != 0:
		return fmt.Errorf("exited %d", result.Code)
	case errors.As(err, &exit), errors.As(err, &late) && late.Left == nil:
		return err
	}
	return nil
}
