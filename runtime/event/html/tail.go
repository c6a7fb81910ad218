package html

import (
	"strings"
	"unicode/utf8"
)

// The limits of a page's texts, in bytes. All texts of a kind share a budget, so that the page of a
// large run opens quickly. The journal has the full texts.
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
	full := len(t.text)+len(text) > 2*mostOutput // not at every line, which would copy the text each time
	if full && len(text) > mostOutput {
		t.text = "" // nothing of it remains
	}
	t.text += text
	if full {
		*t = t.last(mostOutput)
	}
}

// last returns at most limit bytes of the end, if possible from the beginning of a line.
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

// String returns the text, after a mark if its beginning is missing.
func (t tail) String() string {
	if t.cut {
		return "…\n" + t.text
	}
	return t.text
}

// head returns at most limit bytes of a text's beginning.
func head(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + " …"
}

// share returns the limit for each of n texts.
func share(all, n, least, most int) int {
	return min(most, max(least, all/max(1, n)))
}
