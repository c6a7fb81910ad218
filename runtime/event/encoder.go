package event

import (
	"bytes"
	"encoding/json"
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

// Encode returns an event as one line, which is valid until the next call. Output is nearly all of
// what a run writes: encoding/json takes six times as long for it.
func (c *Encoder) Encode(e Event) ([]byte, error) {
	if e.Kind == Output {
		c.out = appendOutput(c.out[:0], e)
		return c.out, nil
	}
	c.line.Reset()
	err := c.json.Encode(e)
	return c.line.Bytes(), err
}

// appendOutput appends an event of the kind Output, byte for byte as encoding/json does.
func appendOutput(b []byte, e Event) []byte {
	b = appendString(append(b, `{"kind":`...), string(e.Kind))
	b = append(e.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano), '"')
	if e.Host != "" {
		b = appendString(append(b, `,"host":`...), e.Host)
	}
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
	if e.Line != "" {
		b = appendString(append(b, `,"line":`...), e.Line)
	}
	if e.Text != "" {
		b = appendString(append(b, `,"text":`...), e.Text)
	}
	if e.Stream != "" {
		b = appendString(append(b, `,"stream":`...), e.Stream)
	}
	if e.Bytes != 0 {
		b = strconv.AppendInt(append(b, `,"bytes":`...), e.Bytes, 10)
	}
	return append(b, '}', '\n')
}

// appendString appends a string in quotes.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0 // what follows is not appended yet
	for i := 0; i < len(s); {
		if i+8 <= len(s) && plain(s[i:i+8]) {
			i += 8
			continue
		}
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

// plain reports whether eight bytes are ASCII characters that JSON does not escape. The high bit of
// a byte is set in x if the byte is not ASCII, and in a difference if the byte needs an escape.
func plain(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (x|(x-each*' ')|((x^each*'"')-each)|((x^each*'\\')-each))&high == 0
}
