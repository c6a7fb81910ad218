package terminal

import (
	"strings"
	"time"

	"runbook/runtime/event"
)

// Outputs is the view of one command on many hosts. It shows the output host by host in their
// order: a host's output waits for the hosts before it. Meanwhile busy hosts are drawn below, or
// reported by heartbeats.
type Outputs struct {
	*Sink
	hosts []*hostOutput
	next  int // the first host that has not ended; its output is shown at once
}

// hostOutput is the output of a host.
type hostOutput struct {
	name  string
	kept  []event.Event // not shown yet
	bytes int
	ended bool
}

// mostKept limits the waiting output of a host, in bytes. The output of a host beyond that is shown
// at once.
const mostKept = 1 << 20

// NewOutputs returns the view of a command on opts.Hosts. With several hosts, every line begins
// with the host's name.
func NewOutputs(opts Options) *Outputs {
	opts.Level = Normal
	o := &Outputs{Sink: New(opts)}
	for _, name := range opts.Hosts {
		o.hosts = append(o.hosts, &hostOutput{name: name})
	}
	return o
}

// Event shows the output of hosts in their order.
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
		for _, h := range o.hosts { // after an interrupt some have no end
			h.ended = true
		}
		o.advance()
		if e.Error == "" { // the caller reports an error
			o.hint(e)
		}
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

// take shows the output of the next host and keeps that of others.
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

// advance shows the output that waited for hosts that have ended.
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

// print writes lines to the stream they came from.
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
