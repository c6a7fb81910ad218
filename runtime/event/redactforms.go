package event

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// form is one spelling of a secret.
type form struct {
	text   string
	broken bool // it may be broken into lines
	// In base64 the characters at both ends may contain bits of the secret and of its neighbours.
	// They are hidden too, and so is the padding.
	before, after bool
}

// unbroken is the minimum length in bytes of a secret that is also searched across line breaks.
// Four letters at the end of one line and the beginning of the next are rarely a secret.
const unbroken = 8

// formsOf returns all spellings of value to search for.
func formsOf(value string) []form {
	trimmed := strings.TrimSpace(value)
	var forms []form
	for _, text := range append(spellings(trimmed), value) {
		forms = append(forms, plainForm(text))
	}
	for _, line := range strings.Split(value, "\n") {
		line = strings.TrimSpace(line)
		for _, text := range spellings(line) {
			forms = append(forms, plainForm(text))
		}
	}
	forms = append(forms, encodings(trimmed)...)
	kept := forms[:0]
	for _, f := range forms {
		if len(f.text) >= ShortestSecret {
			kept = append(kept, f)
		}
	}
	return kept
}

// plainForm returns the form of a plain text. Its line breaks are removed, like those of the text
// that is searched.
func plainForm(text string) form {
	text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	return form{text: text, broken: len(text) >= unbroken}
}

// spellings returns a text as it is, and as written in shells, JSON, Lua, Go and URLs.
func spellings(text string) []string {
	out := []string{
		text,
		strings.ReplaceAll(text, "'", `'\''`),
		strings.ReplaceAll(text, "'", `'"'"'`),
		strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text),
		inner(strconv.Quote(text)),
		inner(strconv.QuoteToASCII(text)),
		url.QueryEscape(text),
		url.PathEscape(text),
	}
	if b, err := json.Marshal(text); err == nil {
		out = append(out, inner(string(b)))
	}
	return out
}

// inner returns the text between quotation marks.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// encodings returns the part of value's base64 that does not depend on its neighbours, for each of
// the three positions in a group of three bytes where value can begin.
func encodings(value string) []form {
	if len(value) < ShortestSecret {
		return nil
	}
	var forms []form
	for offset := range 3 {
		// The last character of the bytes before value may contain bits of value.
		skip := (offset*8 + 5) / 6
		end := (offset + len(value)) * 8 / 6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", offset) + value))
			forms = append(forms, form{
				text: text[skip:end], broken: true, before: offset > 0, after: (offset+len(value))%3 > 0})
		}
	}
	return forms
}

// widen extends a match by the neighbouring characters that contain bits of the secret, and by the
// padding.
func (f form) widen(text string, s span) span {
	if f.before && s.from > 0 && isBase64(text[s.from-1]) {
		s.from--
	}
	if f.after && s.to < len(text) && isBase64(text[s.to]) {
		s.to++
		for s.to < len(text) && text[s.to] == '=' {
			s.to++
		}
	}
	return s
}

func isBase64(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("+/-_", c) >= 0
}
