package event

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Redactor replaces secrets by value, also if they are quoted, escaped, base64-encoded or broken
// into lines. The zero value replaces nothing. It is not safe for concurrent use.
type Redactor struct {
	known map[string]bool
	forms []form // the longest first, so that a whole key is replaced before one of its lines
}

// mark replaces a secret.
const mark = "[secret]"

// ShortestSecret is the minimum length in bytes of a value to hide. A secret of one or two letters
// would blank out half of every line and so give itself away.
const ShortestSecret = 4

// Add hides value from now on. A value of several lines is also hidden line by line, because output
// is cut into lines.
func (r *Redactor) Add(value string) {
	if r.known == nil {
		r.known = map[string]bool{}
	}
	for _, value := range []string{value, strip(value)} { // text is cleaned before secrets are looked for
		for _, f := range formsOf(value) {
			if !r.known[f.text] {
				r.known[f.text] = true
				r.forms = append(r.forms, f)
			}
		}
	}
	slices.SortStableFunc(r.forms, func(a, b form) int { return cmp.Compare(len(b.text), len(a.text)) })
}

func (r *Redactor) clone() Redactor {
	return Redactor{known: maps.Clone(r.known), forms: slices.Clone(r.forms)}
}

// Replace returns text with every secret replaced by "[secret]". Line breaks stay.
func (r *Redactor) Replace(text string) string {
	if len(r.forms) == 0 || text == "" {
		return text
	}
	hidden := r.find(text)
	if len(hidden) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, s := range merged(hidden) {
		b.WriteString(text[at:s.from])
		at = s.to
		for i, line := range strings.Split(text[s.from:s.to], "\n") {
			end := ""
			if i > 0 {
				b.WriteByte('\n')
			}
			if strings.HasSuffix(line, "\r") {
				end = "\r"
			}
			if strings.TrimRight(line, "\r") != "" {
				b.WriteString(mark)
			}
			b.WriteString(end)
		}
	}
	return b.String() + text[at:]
}

// Pending returns how many bytes at the end of text may be the beginning of a secret that
// continues. A beginning of a few letters at the end of a line does not count, or every other line
// would have to wait.
func (r *Redactor) Pending(text string) int {
	if len(r.forms) == 0 || text == "" {
		return 0
	}
	open := r.pending(text)
	// Control characters between the letters of a secret are removed before it is shown.
	whole := text[:len(text)-unended(text)]
	if clean := strip(whole); clean != text {
		if n := r.pending(clean); n > 0 {
			open = max(open, len(text)-len(whole)+unstripped(whole, n))
		}
	}
	return open
}

// unended returns how many bytes at the end of text are the beginning of an incomplete character.
func unended(text string) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if end := text[len(text)-n:]; utf8.RuneStart(end[0]) {
			if utf8.FullRuneInString(end) {
				return 0
			}
			return n
		}
	}
	return 0
}

// unstripped returns how many bytes at the end of text become the last n bytes of strip(text).
func unstripped(text string, n int) int {
	at := len(text)
	for n > 0 && at > 0 {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
		n -= len(strip(text[at : at+size]))
	}
	return len(text) - at
}

func (r *Redactor) pending(text string) int {
	longest := len(r.forms[0].text)
	tail := text[max(0, len(text)-2*longest-2):]
	j := join(tail)
	least := 1
	if strings.HasSuffix(tail, "\n") {
		least = ShortestSecret
	}
	open := 0
	for _, f := range r.forms {
		in := tail
		if f.broken {
			in = j.text
		}
		n := Overlap(in, f.text)
		if n < least {
			continue
		}
		from := len(in) - n
		if f.broken {
			from = j.start(from)
		}
		open = max(open, len(tail)-from)
	}
	return open
}

// span is a part of a text, from its byte from up to its byte to.
type span struct{ from, to int }

// find returns where text contains secrets.
func (r *Redactor) find(text string) []span {
	var hidden []span
	whole := strings.IndexByte(text, '\n') < 0
	j := joined{text: text, whole: true}
	if !whole {
		j = join(text)
	}
	for _, f := range r.forms {
		in, broken := text, false
		if f.broken {
			in, broken = j.text, true
		}
		for at := 0; ; {
			i := strings.Index(in[at:], f.text)
			if i < 0 {
				break
			}
			s := f.widen(in, span{at + i, at + i + len(f.text)})
			at += i + len(f.text)
			if broken {
				s = span{j.start(s.from), j.end(s.to)}
			}
			hidden = append(hidden, s)
		}
	}
	return hidden
}

// merged returns the spans in order, with overlapping ones merged.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := spans[:1]
	for _, s := range spans[1:] {
		if last := &out[len(out)-1]; s.from < last.to {
			last.to = max(last.to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// Overlap returns the length of the longest end of text that is a beginning of word, but not all of
// it.
func Overlap[T ~string | ~[]byte](text T, word string) int {
	for n := min(len(text), len(word)-1); n > 0; n-- {
		if string(text[len(text)-n:]) == word[:n] {
			return n
		}
	}
	return 0
}

// joined is a text without line breaks.
type joined struct {
	text  string
	whole bool   // the text had none
	lines []line // the offsets of each line in both texts
}

type line struct{ joined, original int }

// join removes the line breaks of a text.
func join(text string) joined {
	var b strings.Builder
	b.Grow(len(text))
	j := joined{}
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(text)
		}
		j.lines = append(j.lines, line{b.Len(), at})
		b.WriteString(strings.TrimRight(text[at:next], "\r\n"))
		at = next
	}
	j.text = b.String()
	return j
}

// start returns the offset in the original text of a byte of the joined one.
func (j joined) start(at int) int {
	if j.whole {
		return at
	}
	i, exact := slices.BinarySearchFunc(j.lines, at, func(l line, at int) int { return cmp.Compare(l.joined, at) })
	if !exact {
		i--
	}
	// If several lines begin here, all but the last are empty.
	for i+1 < len(j.lines) && j.lines[i+1].joined <= at {
		i++
	}
	return j.lines[i].original + at - j.lines[i].joined
}

// end returns the offset in the original text of the end of a span in the joined one.
func (j joined) end(at int) int { return j.start(at-1) + 1 }
