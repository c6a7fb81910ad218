package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"runbook/runtime/script"
	"runbook/runtime/script/source"
)

// Completer completes names for a session that is typed line by line. It uses the declarations and
// what the session's globals hold; it runs nothing.
type Completer struct {
	api     api
	session *script.Session
}

// NewCompleter makes a completer for a session.
func NewCompleter(session *script.Session) *Completer {
	return &Completer{newAPI(session.Library()), session}
}

// Complete returns the name being typed at the end of text, which may be "", and the names that it
// may become: members of an object or a group, options of the primitive being called, fields of one
// of the session's tables, or globals.
func (c *Completer) Complete(text string) (typed string, names []string) {
	typed = text[len(strings.TrimRightFunc(text, isNameRune)):]
	f := source.Scan("", []byte(text))
	words := f.Words()
	if f.End() != nil { // inside a string
		return typed, nil
	}
	if typed != "" {
		last := len(words) - 1
		if last < 0 || words[last].Str != typed || !source.IsName(typed) { // a number, or inside a comment
			return typed, nil
		}
		words = words[:last]
	}
	for _, name := range c.candidates(words) {
		if strings.HasPrefix(name, typed) && (typed != "" || !strings.HasPrefix(name, "_")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return typed, slices.Compact(names)
}

// Declared returns the name in the API of what text names by the session's variables, such as
// host:run for h:run, or "".
func (c *Completer) Declared(text string) string {
	f := source.Scan("", []byte(text))
	words := f.Words()
	n := len(words)
	if f.End() != nil || n == 0 {
		return ""
	}
	if s := c.owner(words).shape; s != nil && s.object != "" {
		return s.object
	}
	if n < 3 || words[n-1].Type != parse.TIdent || words[n-2].Type != '.' && words[n-2].Type != ':' {
		return ""
	}
	member := words[n-2].Str + words[n-1].Str
	switch s := c.owner(words[:n-2]).shape; {
	case s == nil:
		return ""
	case s.object != "":
		return s.object + member
	case s.module != nil:
		return s.module.Group() + member
	}
	return ""
}

func isNameRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// candidates returns the names that may follow words.
func (c *Completer) candidates(words []ast.Token) []string {
	if last := len(words) - 1; last >= 0 && (words[last].Type == '.' || words[last].Type == ':') {
		return c.members(c.owner(words[:last]), words[last].Type == ':')
	}
	if options, ok := c.options(words); ok {
		return options
	}
	return c.session.Globals()
}

// value is what is known about a value before anything runs: its shape, and what the session has.
type value struct {
	shape *shape
	seen  script.Seen
	path  []any // where the session has it
}

// owner returns the value that the last words name: a global with fields and list places.
func (c *Completer) owner(words []ast.Token) value {
	n := len(words)
	if n == 0 {
		return value{}
	}
	last := words[n-1]
	switch {
	case last.Type == ']' && n > 3 && words[n-3].Type == '[' && words[n-2].Type == parse.TNumber:
		place, err := strconv.Atoi(words[n-2].Str)
		if err != nil {
			return value{}
		}
		return c.inside(c.owner(words[:n-3]), place)
	case last.Type != parse.TIdent:
		return value{}
	case n > 1 && words[n-2].Type == '.':
		owner := c.owner(words[:n-2])
		if owner.shape != nil && owner.shape.object != "" {
			member, _ := c.api.objectMember(owner.shape.object, last.Str)
			return value{shape: member}
		}
		return c.inside(owner, last.Str)
	case n > 1 && words[n-2].Type == ':':
		return value{}
	}
	return c.global(last.Str)
}

func (c *Completer) global(name string) value {
	v := c.at([]any{name})
	if v.shape != nil {
		return v
	}
	if declared := c.api.global(name); declared != nil && declared.item == nil {
		v.shape = declared
	} else if _, ok := c.api.Object(name); ok && !v.seen.Exists {
		// Most likely the parameter of a function that is passed to each.
		v.shape = &shape{object: name}
	}
	return v
}

// at returns what the session has at a path.
func (c *Completer) at(path []any) value {
	v := value{seen: c.session.Lookup(path...), path: path}
	if v.seen.Object != "" {
		v.shape = &shape{object: v.seen.Object}
	}
	return v
}

// inside returns the value at a field or list place of a table.
func (c *Completer) inside(owner value, step any) value {
	if owner.path == nil {
		return value{}
	}
	return c.at(append(slices.Clone(owner.path), step))
}

// members returns the names of a value: after a colon those that can be called with it, after a dot
// the others.
func (c *Completer) members(v value, colon bool) []string {
	var names []string
	switch s := v.shape; {
	case s != nil && s.object != "":
		for _, m := range c.api.On(s.object) {
			if m.Name != "" && !colon {
				names = append(names, m.Name)
			} else if m.Name == "" {
				names = append(names, callable(m, colon)...)
			}
		}
	case s != nil && s.module != nil && s.module.On != "":
		for _, m := range c.api.sharing(s.module) {
			names = append(names, callable(*m, colon)...)
		}
	case colon:
		names = v.seen.Functions
	default:
		names = v.seen.Names
	}
	return names
}

// callable returns the names of a module's primitives, or else those of its fields.
func callable(m script.Module, primitives bool) []string {
	if primitives {
		return script.Module{Primitives: m.Primitives}.Members()
	}
	return script.Module{Fields: m.Fields}.Members()
}

// options returns the options that the innermost call in words still takes, each ready for its
// value. ok is false where no option may follow.
func (c *Completer) options(words []ast.Token) (names []string, ok bool) {
	brace, before := source.Innermost(words)
	if brace < 0 || words[brace].Type != '{' {
		return nil, false
	}
	if last := words[len(words)-1].Type; last != '{' && last != ',' && last != ';' {
		return nil, false
	}
	call, args := brace, 0 // f{ … }
	if before >= 0 && words[before].Type == '(' {
		call = before
		args = source.CountArgs(words[before+1 : brace])
	}
	p := c.primitive(words[:call])
	if p == nil {
		return nil, false
	}
	sig := p.Signature()
	if args < len(sig.Args) && !sig.Args[args].Optional {
		return nil, false
	}
	for _, o := range sig.Options {
		if o.Item == 0 && !slices.ContainsFunc(words[brace:], func(w ast.Token) bool { return w.Str == o.Name }) {
			names = append(names, o.Name+" = ")
		}
	}
	return names, true
}

// primitive returns the one that the last words name, or nil.
func (c *Completer) primitive(words []ast.Token) *script.Primitive {
	n := len(words)
	if n == 0 || words[n-1].Type != parse.TIdent {
		return nil
	}
	name := words[n-1].Str
	if n == 1 || words[n-2].Type != '.' && words[n-2].Type != ':' {
		if s := c.api.global(name); s != nil {
			return s.call
		}
		return nil
	}
	owner := c.owner(words[:n-2]).shape
	var member *shape
	switch {
	case owner == nil:
	case owner.object != "":
		member, _ = c.api.objectMember(owner.object, name)
	case owner.module != nil:
		member, _ = c.api.member(owner.module, name)
	}
	if member == nil {
		return nil
	}
	return member.call
}
