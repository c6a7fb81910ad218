package event

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// form is one way in which a secret may stand in a text.
type form struct {
	text   string
	broken bool // it is found also where line breaks divide it
	// In base64 the characters at both ends can hold bits of the secret's and bits of its neighbours': these are
	// hidden too, and so is the padding.
	before, after bool
}

// unbroken is the length in bytes under which a secret is not looked for across line breaks: four letters at the end of one line and
// the beginning of the next are mostly no secret.
const unbroken = 8

// formsOf are all the ways in which value is looked for.
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
		if len(f.text) >= shortest {
			kept = append(kept, f)
		}
	}
	return kept
}

// plainForm is a secret as it stands. Its own line breaks are left out, as those of the text are.
func plainForm(text string) form {
	text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	return form{text: text, broken: len(text) >= unbroken}
}

// spellings are a text as it is, and as shells, JSON, Lua, Go and URLs write it.
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

// inner is what stands between quotation marks.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// encodings are what of value's base64 doesn't depend on what stands before and behind it, for each of the three places in
// a group of three bytes where it can begin.
func encodings(value string) []form {
	if len(value) < shortest {
		return nil
	}
	var forms []form
	for offset := range 3 {
		// Of the characters of the bytes before it, the last can hold bits of value.
		skip := (offset*8 + 5) / 6
		end := (offset + len(value)) * 8 / 6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", offset) + value))
			forms = append(forms, form{text: text[skip:end], broken: true, before: offset > 0, after: (offset+len(value))%3 > 0})
		}
	}
	return forms
}

// widen takes in the characters beside a match that hold bits of the secret, and the padding.
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
