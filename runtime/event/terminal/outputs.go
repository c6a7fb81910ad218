package terminal

import (
	"strings"
	"time"

	"runbook/runtime/event"
)

// Outputs is the view of one command on many hosts. It shows what the hosts print in their order: a host's output waits for
// the hosts before it. Meanwhile the hosts at work are drawn below, or named from time to time.
type Outputs struct {
	*Sink
	hosts []*hostOutput
	next  int // the first host that has not ended: what it prints is shown at once
}

// hostOutput is what a host has printed.
type hostOutput struct {
	name  string
	kept  []event.Event // not shown yet
	bytes int
	ended bool
}

// mostKept is how much of a host's output waits for its turn, in bytes. A host that prints more is shown at once.
const mostKept = 1 << 20

// NewOutputs returns the view of a command on opts.Hosts. Every line begins with the host's name if there are several.
func NewOutputs(opts Options) *Outputs {
	opts.Level = Normal
	o := &Outputs{Sink: New(opts)}
	for _, name := range opts.Hosts {
		o.hosts = append(o.hosts, &hostOutput{name: name})
	}
	return o
}

// Event shows what a host prints, when it is its turn.
func (o *Outputs) Event(e event.Event) {
	if e.Kind == event.RunEnded {
		o.endLive() // before the lock: drawing needs it too
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now.track(e)
	switch e.Kind {
	case event.RunBegun:
		if o.live != nil {
			o.live.begin()
		}
	case event.Interrupted:
		o.write(o.opts.Err, "runbook: "+e.Text+"\n")
	case event.Warning:
		o.line(e, 0, "warning: "+e.Text)
	case event.HostBegun:
		o.said[e.Host] = time.Now()
	case event.Output:
		o.take(e)
	case event.HostEnded:
		if h := o.host(e.Host); h != nil {
			h.ended = true
		}
		o.advance()
	case event.RunEnded:
		for _, h := range o.hosts { // an interrupt may have kept some from ending
			h.ended = true
		}
		o.advance()
	}
}

func (o *Outputs) host(name string) *hostOutput {
	for _, h := range o.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// take shows output whose turn it is, and keeps other output.
func (o *Outputs) take(e event.Event) {
	h := o.host(e.Host)
	if h == nil || o.next < len(o.hosts) && h == o.hosts[o.next] || h.bytes > mostKept {
		o.print(e)
		return
	}
	h.kept = append(h.kept, e)
	if h.bytes += len(e.Text); h.bytes > mostKept {
		o.show(h)
	}
}

// advance shows what waits for the hosts that have ended.
func (o *Outputs) advance() {
	for o.next < len(o.hosts) && o.hosts[o.next].ended {
		if o.next++; o.next < len(o.hosts) {
			o.show(o.hosts[o.next])
		}
	}
}

func (o *Outputs) show(h *hostOutput) {
	for _, e := range h.kept {
		o.print(e)
	}
	h.kept = nil
}

// print writes lines to the stream that they came from.
func (o *Outputs) print(e event.Event) {
	w, text, raw := o.opts.Out, e.Text, o.opts.RawOut
	if e.Stream == "stderr" {
		w, raw = o.opts.Err, o.opts.RawErr
	}
	if raw {
		text = e.Raw()
	}
	if len(o.hosts) > 1 {
		name := pad(e.Host, o.width) + " | "
		text = name + strings.Join(strings.Split(strings.TrimSuffix(text, "\n"), "\n"), "\n"+name) + "\n"
	}
	o.said[e.Host] = time.Now()
	o.output = true
	o.write(w, text)
	o.output = false
}
