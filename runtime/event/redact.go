package event

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Redactor replaces secrets by value, also where they are quoted, escaped or base64-encoded, and where line breaks
// divide them. The zero value replaces nothing. It is not safe for concurrent use.
type Redactor struct {
	known map[string]bool
	forms []form // the longest first: a whole key goes before one of its lines does
}

// mark is what stands in the place of a secret.
const mark = "[secret]"

// shortest is the length in bytes under which a value is not replaced: a secret of one or two letters would
// blank out half of every line and so give itself away.
const shortest = 4

// Add makes r replace value from now on. A value of several lines is replaced line by line too, because
// output is cut into lines.
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

// clone is a Redactor that knows what r knows.
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

// Open is how many bytes at the end of text may be the beginning of a secret that goes on in what follows. Whoever shows
// a stream piece by piece keeps them back until more is there. A beginning of a few letters only doesn't count at a line's end, or
// every other line would have to wait.
func (r *Redactor) Open(text string) int {
	if len(r.forms) == 0 || text == "" {
		return 0
	}
	open := r.open(text)
	// What is shown has no control characters in it, which may stand between the letters of a secret.
	whole := text[:len(text)-unended(text)]
	if clean := strip(whole); clean != text {
		if n := r.open(clean); n > 0 {
			open = max(open, len(text)-len(whole)+unstripped(whole, n))
		}
	}
	return open
}

// unended is how many bytes at the end of text begin a character that may go on in what follows.
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

// unstripped is how many bytes at the end of text become the last n of strip(text).
func unstripped(text string, n int) int {
	at := len(text)
	for n > 0 && at > 0 {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
		n -= len(strip(text[at : at+size]))
	}
	return len(text) - at
}

func (r *Redactor) open(text string) int {
	longest := len(r.forms[0].text)
	tail := text[max(0, len(text)-2*longest-2):]
	j := join(tail)
	least := 1
	if strings.HasSuffix(tail, "\n") {
		least = shortest
	}
	open := 0
	for _, f := range r.forms {
		in := tail
		if f.broken {
			in = j.text
		}
		n := overlap(in, f.text)
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

// find returns where secrets stand in text.
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

// merged are the spans in order, with those made one that overlap.
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

// overlap is the length of the longest end of text that form begins with, short of all of it.
func overlap(text, form string) int {
	for n := min(len(text), len(form)-1); n > 0; n-- {
		if text[len(text)-n:] == form[:n] {
			return n
		}
	}
	return 0
}

// joined is a text without its line breaks.
type joined struct {
	text  string
	whole bool   // there were none
	lines []line // where each line stands in both texts
}

type line struct{ joined, original int }

// join leaves the line breaks out of a text.
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

// start is where a byte of the joined text stands in the original one.
func (j joined) start(at int) int {
	if j.whole {
		return at
	}
	i, exact := slices.BinarySearchFunc(j.lines, at, func(l line, at int) int { return cmp.Compare(l.joined, at) })
	if !exact {
		i--
	}
	// Of several lines that begin here all but the last are empty.
	for i+1 < len(j.lines) && j.lines[i+1].joined <= at {
		i++
	}
	return j.lines[i].original + at - j.lines[i].joined
}

// end is where what ends before a byte of the joined text ends in the original one.
func (j joined) end(at int) int { return j.start(at-1) + 1 }
