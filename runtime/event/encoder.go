package event

import (
	"bytes"
	"encoding/json"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// Encoder makes JSON lines of events. Command lines stay as typed: nothing is escaped for HTML.
type Encoder struct {
	line bytes.Buffer
	json *json.Encoder
	out  []byte
}

// NewEncoder returns an encoder.
func NewEncoder() *Encoder {
	e := &Encoder{}
	e.json = json.NewEncoder(&e.line)
	e.json.SetEscapeHTML(false)
	return e
}

// Encode returns an event as one line, which is valid until the next call. Events without lists and
// maps are nearly all of what a run writes: encoding/json takes six times as long for them.
func (c *Encoder) Encode(e Event) ([]byte, error) {
	if isFlat(e) {
		c.out = appendFlat(c.out[:0], e)
		return c.out, nil
	}
	c.line.Reset()
	err := c.json.Encode(e)
	return c.line.Bytes(), err
}

// isFlat reports whether appendFlat knows all fields of an event. encoding/json writes extreme
// numbers in another format.
func isFlat(e Event) bool {
	lists := len(e.Faults) + len(e.Columns) + len(e.Header) + len(e.Rows) + len(e.Args) + len(e.Hosts) + len(e.Order)
	return lists == 0 && e.Plan == nil && (e.Seconds == 0 || e.Seconds >= 1e-6 && e.Seconds < 1e21)
}

// appendFlat appends an event, byte for byte as encoding/json does.
func appendFlat(b []byte, e Event) []byte {
	b = appendString(append(b, `{"kind":`...), string(e.Kind))
	b = append(e.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano), '"')
	b = appendText(b, `,"host":`, e.Host)
	for i, title := range e.Step {
		before := `,`
		if i == 0 {
			before = `,"step":[`
		}
		b = appendString(append(b, before...), title)
	}
	if len(e.Step) > 0 {
		b = append(b, ']')
	}
	b = appendText(b, `,"line":`, e.Line)
	b = appendText(b, `,"text":`, e.Text)
	b = appendText(b, `,"stream":`, e.Stream)
	if e.Code != nil {
		b = strconv.AppendInt(append(b, `,"code":`...), int64(*e.Code), 10)
	}
	if e.Seconds != 0 {
		b = strconv.AppendFloat(append(b, `,"seconds":`...), e.Seconds, 'f', -1, 64)
	}
	b = appendNumber(b, `,"bytes":`, e.Bytes)
	b = appendNumber(b, `,"total":`, e.Total)
	b = appendText(b, `,"state":`, e.State)
	b = appendText(b, `,"tone":`, e.Tone)
	b = appendText(b, `,"error":`, e.Error)
	b = appendText(b, `,"hint":`, e.Hint)
	b = appendText(b, `,"by":`, e.By)
	if e.DryRun {
		b = append(b, `,"dry_run":true`...)
	}
	b = appendNumber(b, `,"version":`, int64(e.Version))
	return append(b, '}', '\n')
}

// appendText appends a field, unless it is empty.
func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendString(append(b, name...), text)
}

// appendNumber appends a field, unless it is 0.
func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), n, 10)
}

// appendString appends a string in quotes.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0 // what follows is not appended yet
	for i := skipPlain(s, 0); i < len(s); i = skipPlain(s, i) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(s[i:]); (r != utf8.RuneError || n > 1) && r != '\u2028' && r != '\u2029' {
				i += n
				continue
			}
		}
		b = append(b, s[from:i]...)
		switch r {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
		i += n
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// skipPlain returns the index of the first byte from at on that special finds, or of one of the last
// seven.
func skipPlain(s string, at int) int {
	for ; at+8 <= len(s); at += 8 {
		if found := special(s[at : at+8]); found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	return at
}

// special finds the bytes, of eight, that are not printable ASCII characters or that JSON escapes.
// The lowest bit of the result is the high bit of the first one. It is short enough to be inlined.
// The first term has the high bits of control characters and quotation marks, the second those of DEL
// and of bytes beyond ASCII, the third those of backslashes. 0xff overflows in the second, but the
// first has it.
func special(s string) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (((x ^ each*2) - each*'!') | (x + each) | ((x ^ each*'\\') - each)) & high
}
