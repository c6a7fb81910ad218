package journal

import (
	"bytes"
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// How many bytes of the journal a command's output may take: what is between its beginning and its end is left out, and counted.
const (
	mostBegin = mostOutput - mostEnd
	mostEnd   = 256 << 10 // waits in memory
	// mostOutput is for both.
	mostOutput = 4 << 20
)

// origin is where an output comes from: commands that run at the same time have different ones, unless one line of a recipe runs them on
// one host. Then they share the room.
type origin struct{ host, step, line string }

func of(e event.Event) origin { return origin{e.Host, strings.Join(e.Step, "\x00"), e.Line} }

// outputs are those of the commands that run.
type outputs map[origin]*output

// output is what has been printed.
type output struct {
	begun int // bytes that were written
	full  bool

	end      [][]byte // lines of the journal that are last, and may have to be written yet
	texts    []int    // how many bytes each shows
	endBytes int
	left     event.Event // says what was left out before them
	leftText int64       // how much that was
}

// take says whether an event, with its line, is to be written now.
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
			o.left = event.Event{Kind: event.Output, Time: e.Time, Host: e.Host, Step: e.Step, Line: e.Line, Stream: e.Stream}
		}
		o.leftText += int64(o.texts[0])
		o.endBytes -= len(o.end[0])
		o.end[0] = nil // not to be held by what it is cut from
		o.end, o.texts = o.end[1:], o.texts[1:]
	}
	return false
}

// leftRoom is for the line that says what was left out.
const leftRoom = 16 << 10

// end is what is still to be written of an output, and forgets it.
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
