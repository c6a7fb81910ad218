package main

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"runbook/runtime/console"
	"runbook/runtime/event"
	"runbook/runtime/event/jsonl"
	"runbook/runtime/event/terminal"
	"runbook/runtime/inventory"
	"runbook/runtime/process"
)

// redact replaces secrets in text that no run shows.
func (p *program) redact(text string) string { return p.secrets.Redact(text) }

// redacted writes to standard output, without secrets.
type redacted struct{ program *program }

func (r redacted) Write(text []byte) (int, error) {
	if _, err := io.WriteString(r.program.out, r.program.redact(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// ignoreClosedPipe drops the error of a closed pipe: runbook … | head is not a failure.
func ignoreClosedPipe(err error) error {
	if process.IsClosedPipe(err) {
		return nil
	}
	return err
}

// screen returns w if it is a terminal to draw on. In CI nobody looks at a terminal.
func screen(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("CI") == "true" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// isTerminal reports whether w is a terminal, drawn on or not.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// hasColours reports whether w is a terminal that should show colours (https://no-color.org).
func hasColours(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// prompt returns how to ask the admin, or nil if there is no terminal to ask on.
func (p *program) prompt() func(ctx context.Context, question string, secret bool) (string, error) {
	prompter := console.NewPrompter(p.in, p.err, func() (resume func()) {
		if p.pause == nil {
			return func() {}
		}
		return p.pause()
	})
	if prompter == nil {
		return nil
	}
	return prompter.Ask
}

// viewOptions returns the options of the views that show what happens on hosts.
func (p *program) viewOptions(hosts []inventory.Host) terminal.Options {
	opts := terminal.Options{Out: p.out, Err: p.err, RawOut: p.shield.Passes(p.out), RawErr: p.shield.Passes(p.err),
		Colour: hasColours(p.err), Heartbeat: 30 * time.Second, Screen: screen(p.err)}
	opts.OutOnScreen = opts.Screen != nil && screen(p.out) != nil
	for _, h := range hosts {
		opts.Hosts = append(opts.Hosts, h.Name)
	}
	return opts
}

// table shows a table on standard output.
func (p *program) table(e event.Event) error {
	sink := p.page()
	sink.Event(event.CleanEvent(e))
	return ignoreClosedPipe(sink.Close())
}

// page returns a view of results on standard output.
func (p *program) page() *terminal.Sink {
	on := screen(p.out)
	return terminal.New(terminal.Options{Out: p.out, Err: p.out, Level: terminal.Quiet, Screen: on,
		OutOnScreen: on != nil})
}

// writeJSON writes one item a line.
func writeJSON[T any](w io.Writer, items []T) error {
	return ignoreClosedPipe(jsonl.WriteItems(w, items))
}
