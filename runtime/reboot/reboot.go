// Package reboot restarts a host and waits until it is back.
//
// Its one rule: a reboot must be verified. If the host does not come back with the same key and
// another boot id, that is an error.
package reboot

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/poll"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// bootScript prints what differs from one boot to the next.
//
//go:embed boot.sh
var bootScript string

// rebootScript asks the system to reboot.
//
//go:embed reboot.sh
var rebootScript string

const (
	askLimit = 60 * time.Second // of the command that asks for the reboot
	every    = 2 * time.Second  // between two attempts to reconnect
)

type rebootArgs struct {
	Within time.Duration `lua:"within" doc:"the time limit until it is back" default:"10m"`
}

// Module declares host:reboot.
func Module() script.Module {
	return script.Module{On: "host", Doc: "Restarting a host.", Primitives: []script.Primitive{
		script.Func("reboot", script.Changes,
			"Reboot the host, with sudo unless the login is root, and wait until it is back: with the same host key, "+
				"and with another boot id. Locks of the run on the host are given back before, "+
				"and taken again afterwards. It is an error if another run takes one meanwhile. "+
				"This machine is refused.",
			func(ctx context.Context, h *shell.Host, a rebootArgs) (script.None, error) {
				return script.None{}, Reboot(ctx, h, a.Within, every)
			}).
			With("if host:test({ \"test\", \"-e\", \"/var/run/reboot-required\" }) then\n" +
				"  host:reboot({ within = \"5m\" })\nend"),
	}}
}

// Reboot reboots a host and waits until it is back. It waits for pause between two attempts to
// reconnect.
func Reboot(ctx context.Context, h *shell.Host, within, pause time.Duration) error {
	if h.Local() {
		return errors.New("this machine runs the recipe, so it is not rebooted")
	}
	before, err := bootID(ctx, h)
	if err != nil {
		return err
	}
	locks, err := h.ReleaseLocks(ctx)
	if err != nil {
		return fmt.Errorf("give back its locks: %w", err)
	}
	began := time.Now()
	if err := request(ctx, h); err != nil {
		return errors.Join(err, lockAgain(ctx, h, locks))
	}
	if err := awaitBoot(ctx, h, before, within, pause); err != nil {
		return err
	}
	event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(),
		Text: fmt.Sprintf("rebooted, back after %.0f s", time.Since(began).Seconds())})
	return lockAgain(ctx, h, locks)
}

func lockAgain(ctx context.Context, h *shell.Host, locks []string) error {
	var errs []error
	for _, path := range locks {
		if err := h.Lock(ctx, path, 0); err != nil {
			errs = append(errs, fmt.Errorf("the lock was given back for the reboot, and cannot be taken again: %w",
				err))
		}
	}
	return errors.Join(errs...)
}

// bootID returns what differs from one boot of the host to the next.
func bootID(ctx context.Context, h *shell.Host) (string, error) {
	r, err := h.Run(ctx, shell.Command{Script: bootScript, Quiet: true, Max: 4 << 10, Timeout: askLimit})
	id := strings.TrimSpace(r.Stdout)
	if err == nil && id == "" {
		err = errors.New("the host has no boot id, so a reboot of it cannot be verified: " +
			"neither /proc/sys/kernel/random/boot_id nor kern.boottime")
	}
	return id, err
}

// request asks for the reboot. The connection may be lost before the answer arrives.
func request(ctx context.Context, h *shell.Host) error {
	c := shell.Command{Script: rebootScript, Shown: "reboot", Sudo: "root", Timeout: askLimit}
	if h.Target().User == "root" {
		c.Sudo = ""
	}
	_, err := h.Run(ctx, c)
	var lost *shell.LostError
	if errors.As(err, &lost) {
		return nil
	}
	return err
}

// awaitBoot reconnects until the host has another boot id.
func awaitBoot(ctx context.Context, h *shell.Host, before string, within, pause time.Duration) error {
	limited, cancel := context.WithTimeoutCause(ctx, within, errLate)
	defer cancel()
	reason, hint := errors.New("it does not answer"), "look at its console; a longer limit is within = \"20m\""
	for {
		h.Disconnect()
		after, err := bootID(limited, h)
		switch {
		case err == nil && after != before:
			return nil
		case err == nil:
			reason, hint = errors.New("it still has the boot id from before"), "does the command reboot work there?"
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case isOtherHost(err):
			return err
		case !errors.Is(err, errLate):
			reason = err
		}
		if err := poll.Pause(limited, pause); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return event.WithHint(fmt.Errorf("the host is not back from its reboot within %v: %w", within, reason),
				hint)
		}
	}
}

var errLate = errors.New("too late")

// isOtherHost reports whether err is about an unexpected host key. Retrying does not change that.
func isOtherHost(err error) bool {
	var unknown *ssh.UnknownKeyError
	var changed *ssh.ChangedKeyError
	var revoked *ssh.RevokedKeyError
	return errors.As(err, &unknown) || errors.As(err, &changed) || errors.As(err, &revoked)
}
