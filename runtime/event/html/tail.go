package html

import (
	"strings"
	"unicode/utf8"
)

// What a page has room for, in bytes. The texts of large runs are cut further, so that a page opens at once whatever the run
// printed: all texts of a kind share a budget. The journal has the whole.
const (
	mostOutput  = 4 << 10
	leastOutput = 80
	allOutput   = 1800 << 10
	mostText    = 4 << 10
	leastText   = 160
	allTexts    = 700 << 10
)

// tail is the end of an output.
type tail struct {
	text string
	cut  bool
}

func (t *tail) add(text string) {
	t.text += text
	if len(t.text) > 2*mostOutput { // not at every line, which would copy all of it each time
		*t = t.last(mostOutput)
	}
}

// last is no more than limit bytes of the end, from the beginning of a line where there is one.
func (t tail) last(limit int) tail {
	if len(t.text) <= limit {
		return t
	}
	text := t.text[len(t.text)-limit:]
	if _, rest, ok := strings.Cut(text, "\n"); ok && rest != "" {
		text = rest
	}
	for text != "" && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return tail{text, true}
}

// String is the end with a mark where something is missing before it.
func (t tail) String() string {
	if t.cut {
		return "…\n" + t.text
	}
	return t.text
}

// head is no more than limit bytes of a text's beginning.
func head(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + " …"
}

// share is what each of n texts may take of all.
func share(all, n, least, most int) int {
	return min(most, max(least, all/max(1, n)))
}
