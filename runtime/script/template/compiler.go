package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
)

// compiler writes the code of a template.
type compiler struct {
	name string
	code strings.Builder
	line int // the next line of the template, from 0
	open []block
	err  error
}

// block is a statement that needs an end.
type block struct {
	head string
	line int
	loop bool
}

// fail records the first problem. line is from 0.
func (c *compiler) fail(line int, format string, args ...any) {
	if c.err == nil {
		c.err = source.Problem{File: c.name, Line: line + 1, Col: 1, Message: fmt.Sprintf(format, args...)}
	}
}

// copy writes a part of the text as it is.
func (c *compiler) copy(text string) {
	for _, mark := range []string{"{{", "{%", "{#"} {
		if before, _, ok := strings.Cut(text, mark); ok {
			c.fail(c.line+strings.Count(before, "\n"),
				"%s is not closed; write {{ \"%s\" }} for the characters themselves", mark, mark)
		}
	}
	if text != "" {
		fmt.Fprintf(&c.code, "%s(%s) ", writeName, quote(text))
	}
	c.skip(text)
}

// skip moves on by the lines of the text, in the code as well.
func (c *compiler) skip(text string) {
	n := strings.Count(text, "\n")
	c.code.WriteString(strings.Repeat("\n", n))
	c.line += n
}

// quote returns a text as a string of Lua on one line.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}

// tag writes the code of a tag, which may have white space around it.
func (c *compiler) tag(text string) {
	inner := strings.TrimSpace(text)
	kind, inner := inner[:2], strings.TrimSpace(inner[2:len(inner)-2])
	before, _, _ := strings.Cut(text, inner)
	c.skip(before)
	switch kind {
	case "{{":
		c.expression(inner)
		fmt.Fprintf(&c.code, "%s((%s), %s) ", writeName, inner, quote(inner))
	case "{%":
		c.statement(inner)
	case "{#":
		c.code.WriteString(strings.Repeat("\n", strings.Count(inner, "\n")))
	}
	c.line += strings.Count(inner, "\n")
	c.skip(text[len(before)+len(inner):])
}

// expression checks that code is one expression.
func (c *compiler) expression(code string) {
	chunk := c.parse("return " + code)
	if chunk == nil {
		return
	}
	if last, ok := chunk[0].(*ast.ReturnStmt); len(chunk) != 1 || !ok || len(last.Exprs) != 1 {
		c.fail(c.line, "want one expression, got %q", code)
	}
	c.parse("return (" + code + ")") // this rejects a comment at the end of the code
}

// parse parses Lua at the current line, or records why it cannot.
func (c *compiler) parse(code string) []ast.Stmt {
	for _, own := range []string{writeName, listName} {
		if strings.Contains(code, own) {
			c.fail(c.line, "%s is not a name for a template", own)
		}
	}
	chunk, err := source.Parse(c.name, []byte(strings.Repeat("\n", c.line)+code))
	switch {
	case err == nil:
		return chunk
	case strings.Contains(code, "|"):
		c.fail(c.line, "there are no filters: call a function, such as string.upper(name)")
	case c.err == nil:
		c.err = err
	}
	return nil
}

var (
	statement = regexp.MustCompile(`(?s)^([a-z]+)\b\s*(.*)$`)
	loopHead  = regexp.MustCompile(`(?s)^([A-Za-z_][A-Za-z0-9_]*)(?:\s*,\s*([A-Za-z_][A-Za-z0-9_]*))?\s+in\s+(.+)$`)
)

// statement writes the code of a statement.
func (c *compiler) statement(text string) {
	word, rest := text, ""
	if m := statement.FindStringSubmatch(text); m != nil {
		word, rest = m[1], m[2]
	}
	switch {
	case word == "if":
		c.begin(text, false)
		c.expression(rest)
		c.code.WriteString("if " + rest + " then ")
	case word == "elseif":
		c.inside(word)
		c.expression(rest)
		c.code.WriteString("elseif " + rest + " then ")
	case word == "else" && rest == "":
		c.inside(word)
		c.code.WriteString("else ")
	case word == "for":
		c.begin(text, true)
		c.loop(rest)
	case slices.Contains([]string{"end", "endif", "endfor"}, word) && rest == "":
		if len(c.open) == 0 {
			c.fail(c.line, "%s without its if or for", word)
			return
		}
		c.open = c.open[:len(c.open)-1]
		c.code.WriteString("end ")
	case word == "local":
		if chunk := c.parse(text); len(chunk) > 0 {
			if _, ok := chunk[0].(*ast.LocalAssignStmt); !ok || len(chunk) > 1 {
				c.fail(c.line, "want local NAME = VALUE, got %q", text)
			}
		}
		c.code.WriteString(text + " ")
	case word == "elif":
		c.fail(c.line, "write elseif instead of elif")
	case word == "set":
		c.fail(c.line, "write local instead of set")
	default:
		c.fail(c.line, "unknown statement %q; want if, elseif, else, for, local or end", word)
	}
}

func (c *compiler) begin(head string, loop bool) { c.open = append(c.open, block{head, c.line, loop}) }

// inside checks that the innermost block is an if.
func (c *compiler) inside(word string) {
	if n := len(c.open); n == 0 || c.open[n-1].loop {
		c.fail(c.line, "%s without its if", word)
	}
}

// loop writes the head of a for loop.
func (c *compiler) loop(head string) {
	m := loopHead.FindStringSubmatch(head)
	if m == nil {
		c.parse("for " + head + " do end")
		c.code.WriteString("for " + head + " do ")
		return
	}
	c.expression(m[3])
	names, form := m[1], "1"
	if m[2] != "" {
		names, form = m[1]+", "+m[2], "2"
	}
	fmt.Fprintf(&c.code, "for %s in %s(%s, %s) do ", names, listName, form, m[3])
}
