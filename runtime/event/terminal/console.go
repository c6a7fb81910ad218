package terminal

import (
	"io"
	"strings"

	"runbook/runtime/event"
)

// Console is the view of a Lua prompt. It shows what happens while a line runs, without progress.
type Console struct {
	opts  Options
	table func(event.Event) error
	err   error // the first failure to write
}

// NewConsole returns the view of a prompt with opts.Hosts. table shows a table on opts.Out.
func NewConsole(opts Options, table func(event.Event) error) *Console {
	return &Console{opts: opts, table: table}
}

// Event shows what a person must know about e.
func (c *Console) Event(e event.Event) {
	switch e.Kind {
	case event.Printed:
		e.Host = "" // the line is the recipe's own
		c.write(c.opts.Out, c.opts.RawOut, e, "")
	case event.Table:
		c.keep(c.table(e))
	case event.Output:
		if e.Stream == "stdout" {
			c.write(c.opts.Out, c.opts.RawOut, e, "")
		} else {
			c.write(c.opts.Err, c.opts.RawErr, e, "")
		}
	case event.StepBegun:
		e.Text = strings.Join(e.Step, " > ")
		c.write(c.opts.Err, false, e, "")
	case event.Info:
		c.write(c.opts.Err, false, e, "")
	case event.Warning, event.Skipped, event.KeyRefused:
		c.write(c.opts.Err, false, e, "warning: ")
	case event.LockWaiting:
		c.write(c.opts.Err, false, e, "waiting for the lock: ")
	}
}

// write writes the text of e, each line after the name of its host if there are several hosts. Raw
// text is as the host sent it.
func (c *Console) write(w io.Writer, raw bool, e event.Event, prefix string) {
	text := e.Text
	if raw {
		text = e.Raw()
	}
	text = prefix + text
	if e.Kind == event.Output {
		text = strings.TrimSuffix(text, "\n")
	}
	if len(c.opts.Hosts) > 1 && e.Host != "" {
		text = e.Host + " | " + strings.Join(strings.Split(text, "\n"), "\n"+e.Host+" | ")
	}
	_, err := io.WriteString(w, text+"\n")
	c.keep(err)
}

func (c *Console) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Close returns the first failure to write.
func (c *Console) Close() error { return c.err }
