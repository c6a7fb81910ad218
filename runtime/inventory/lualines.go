package inventory

import "strings"

// itemLines returns the line of each list item in the table that a hosts file returns. A Lua value
// has no lines, so this scans the text, which is nearly always one literal table. If it is not, the
// count differs, and itemLines returns nil rather than wrong lines.
func itemLines(text string, count int) []int {
	s := luaScanner{text: text, line: 1}
	var lines []int
	var item []luaToken // the first two tokens of the current item
	depth, inside := 0, false
	end := func() {
		if len(item) > 0 && !isKeyed(item) {
			lines = append(lines, item[0].line)
		}
		item = nil
	}
	for tok, previous := s.next(), ""; tok.text != ""; tok, previous = s.next(), tok.text {
		switch {
		case tok.text == "{" && depth == 0 && previous == "return":
			// The last return counts: an earlier one is inside a function.
			lines, item, depth, inside = nil, nil, 1, true
			continue
		case inside && depth == 1 && (tok.text == "," || tok.text == ";"):
			end()
			continue
		case strings.Contains("{([", tok.text):
			depth++
		case strings.Contains("})]", tok.text):
			if depth--; depth == 0 && inside {
				end()
				inside = false
				continue
			}
		}
		if inside && len(item) < 2 {
			item = append(item, tok)
		}
	}
	if len(lines) != count {
		return nil
	}
	return lines
}

// isKeyed reports whether an item is name = value or [key] = value.
func isKeyed(item []luaToken) bool {
	return item[0].text == "[" || len(item) > 1 && item[1].text == "="
}

// luaToken is a word, a symbol, or a string, whose text is always "s".
type luaToken struct {
	text string
	line int
}

// luaScanner splits Lua into tokens, as far as brackets, commas and lines need it.
type luaScanner struct {
	text string
	line int
}

// next returns the next token; its text is "" at the end.
func (s *luaScanner) next() luaToken {
	for s.text != "" {
		c := s.text[0]
		long := longOpen(s.text)
		switch {
		case c == '\n' || c == ' ' || c == '\t' || c == '\r':
			s.skip(1)
		case strings.HasPrefix(s.text, "--"):
			s.skip(2)
			if level := longOpen(s.text); level != "" {
				s.skipPast(level, len(level))
			} else {
				s.skipPast("\n", 0)
			}
		case long != "":
			tok := luaToken{"s", s.line}
			s.skipPast(long, len(long))
			return tok
		case c == '"' || c == '\'':
			tok := luaToken{"s", s.line}
			n := 1
			for n < len(s.text) && s.text[n] != c {
				if s.text[n] == '\\' {
					n++
				}
				n++
			}
			s.skip(min(n+1, len(s.text)))
			return tok
		default:
			n := 1
			if isWord(c) {
				for n < len(s.text) && isWord(s.text[n]) {
					n++
				}
			} else if strings.HasPrefix(s.text, "==") {
				n = 2
			}
			tok := luaToken{s.text[:n], s.line}
			s.skip(n)
			return tok
		}
	}
	return luaToken{}
}

func (s *luaScanner) skip(n int) {
	s.line += strings.Count(s.text[:n], "\n")
	s.text = s.text[n:]
}

// skipPast skips past the next closing text after the first from bytes.
func (s *luaScanner) skipPast(closing string, from int) {
	if i := strings.Index(s.text[from:], closing); i >= 0 {
		s.skip(from + i + len(closing))
	} else {
		s.skip(len(s.text))
	}
}

// longOpen returns the closing bracket of the long bracket that text begins with: "]==]" for
// "[==[", or "".
func longOpen(text string) string {
	if !strings.HasPrefix(text, "[") {
		return ""
	}
	rest := strings.TrimLeft(text[1:], "=")
	if !strings.HasPrefix(rest, "[") {
		return ""
	}
	return "]" + text[1:len(text)-len(rest)] + "]"
}

func isWord(c byte) bool {
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
