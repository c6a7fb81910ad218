package poll

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

type portArgs struct {
	Port    int           `lua:"port,arg" doc:"the TCP port"`
	Within  time.Duration `lua:"within" doc:"the time limit" default:"60s"`
	Every   time.Duration `lua:"every" doc:"the pause between two attempts" default:"1s"`
	Address string        `lua:"address" doc:"the address, as seen from the host" default:"127.0.0.1"`
	Python  string        `lua:"python" doc:"as in host:http"`
}

// HostModule declares host:wait_port.
func HostModule(dryRun bool) script.Module {
	return script.Module{On: "host", Doc: "Waiting for what runs on a host.", Primitives: []script.Primitive{
		script.Func("wait_port", script.Reads,
			"Wait until something listens on a TCP port, as seen from the host. It is an error if nothing does "+
				"within the time limit. A dry run does not wait.", poller{dryRun}.port).
			With(`host:wait_port(8000, { within = "10s", every = "200ms" })`),
	}}
}

func (p poller) port(ctx context.Context, h *shell.Host, a portArgs) (script.None, error) {
	if a.Port < 1 || a.Port > 65535 {
		return script.None{}, fmt.Errorf("port: want a number from 1 to 65535, got %d", a.Port)
	}
	address := net.JoinHostPort(a.Address, strconv.Itoa(a.Port))
	if p.dryRun {
		event.Emit(ctx, event.Event{Kind: event.Assumed, Text: "something listens on " + address})
		return script.None{}, nil
	}
	deadline := time.Now().Add(a.Within)
	for {
		err := tryPort(ctx, h, address, a.Python, a.Within)
		var forbidden *ssh.ForbiddenError
		if err == nil || ctx.Err() != nil || errors.As(err, &forbidden) {
			return script.None{}, err
		}
		if time.Now().Add(a.Every).After(deadline) {
			return script.None{}, fmt.Errorf("nothing listens on %s within %v: %w", address, a.Within, err)
		}
		if err := Pause(ctx, a.Every); err != nil {
			return script.None{}, err
		}
	}
}

// longestTry limits one attempt: a firewall may drop it without an answer.
const longestTry = 10 * time.Second

// tryPort connects once.
func tryPort(ctx context.Context, h *shell.Host, address, python string, within time.Duration) error {
	limited, cancel := context.WithTimeoutCause(ctx, min(within, longestTry), errors.New("no answer"))
	defer cancel()
	conn, err := h.Dial(limited, "tcp", address, python)
	if err != nil {
		return err
	}
	return conn.Close()
}
