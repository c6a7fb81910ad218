package journal

import (
	"bytes"
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// The limits of a command's output in the journal, in bytes. The middle of a longer output is
// omitted and counted.
const (
	mostBegin  = mostOutput - mostEnd
	mostEnd    = 256 << 10 // kept in memory until the command ends
	mostOutput = 4 << 20   // of both together
)

// origin identifies the command of an output. Concurrent commands have different origins, unless
// one line of a recipe runs them on one host; then they share the limit.
type origin struct{ host, step, line string }

func of(e event.Event) origin { return origin{e.Host, strings.Join(e.Step, "\x00"), e.Line} }

// outputs holds the outputs of the running commands.
type outputs map[origin]*output

// output is the output of a command so far.
type output struct {
	begun int // bytes that were written
	full  bool

	end      [][]byte // the last lines of the journal, not written yet
	texts    []int    // the length of each line's text
	endBytes int
	left     event.Event // reports what was omitted before them
	leftText int64       // the length of what was omitted
}

// take returns true if an event, encoded as line, must be written now. Otherwise it keeps the line.
func (all outputs) take(e event.Event, line []byte) bool {
	o := all[of(e)]
	if o == nil {
		o = &output{}
		all[of(e)] = o
	}
	if o.full = o.full || o.begun+len(line) > mostBegin; !o.full {
		o.begun += len(line)
		return true
	}
	o.end, o.texts = append(o.end, bytes.Clone(line)), append(o.texts, len(e.Text))
	o.endBytes += len(line)
	for o.endBytes > mostEnd-leftRoom && len(o.end) > 0 {
		if o.leftText == 0 {
			o.left = event.Event{Kind: event.Output, Time: e.Time, Host: e.Host, Step: e.Step, Line: e.Line,
				Stream: e.Stream}
		}
		o.leftText += int64(o.texts[0])
		o.endBytes -= len(o.end[0])
		o.end[0] = nil // the array of o.end must not keep it in memory
		o.end, o.texts = o.end[1:], o.texts[1:]
	}
	return false
}

// leftRoom is reserved for the line that reports what was omitted.
const leftRoom = 16 << 10

// end removes an output and returns what must still be written of it.
func (all outputs) end(from origin) (left *event.Event, lines [][]byte) {
	o := all[from]
	delete(all, from)
	if o == nil {
		return nil, nil
	}
	if o.leftText > 0 {
		o.left.Bytes, o.left.Text = o.leftText, fmt.Sprintf("… (%d bytes left out of the journal)\n", o.leftText)
		left = &o.left
	}
	return left, o.end
}
