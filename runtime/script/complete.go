package script

import (
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Complete returns the name that is being typed at the end of text, which may be "", and the names that it may become: what
// the declarations say of a host or a group, the options of the primitive that is being called, the fields of a table of
// the session's own, or the globals.
func (x *Session) Complete(text string) (typed string, names []string) {
	x.state.turn.Lock()
	defer x.state.turn.Unlock()
	typed = text[len(strings.TrimRightFunc(text, isNameRune)):]
	src := readSource(x.path, []byte(text))
	words := src.words()
	if src.end() != nil { // within a text
		return typed, nil
	}
	if typed != "" {
		last := len(words) - 1
		if last < 0 || words[last].Str != typed || !plainName.MatchString(typed) { // a number, or within a comment
			return typed, nil
		}
		words = words[:last]
	}
	for _, name := range x.possible(words) {
		if strings.HasPrefix(name, typed) && (typed != "" || !strings.HasPrefix(name, "_")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return typed, slices.Compact(names)
}

func isNameRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// possible are the names that may stand behind words.
func (x *Session) possible(words []ast.Token) []string {
	if last := len(words) - 1; last >= 0 && (words[last].Type == '.' || words[last].Type == ':') {
		return x.owner(words[:last]).members(x.state.lib, words[last].Type == ':')
	}
	if options, ok := x.options(words); ok {
		return options
	}
	names := sortedKeys(x.state.globals)
	return slices.DeleteFunc(names, func(n string) bool { return x.state.root.G.Global.RawGetString(n) == lua.LNil })
}

// known is what is known of a value before anything runs: from the declarations, or the value itself.
type known struct {
	shape *shape
	value lua.LValue
}

// owner is the value that the words at the end stand for: a name, with fields and places behind it.
func (x *Session) owner(words []ast.Token) known {
	n := len(words)
	if n == 0 {
		return known{}
	}
	last := words[n-1]
	switch {
	case last.Type == ']' && n > 3 && words[n-3].Type == '[' && words[n-2].Type == parse.TNumber:
		return x.owner(words[:n-3]).at(x.state, words[n-2].Str)
	case last.Type != parse.TIdent:
		return known{}
	case n > 1 && words[n-2].Type == '.':
		return x.owner(words[:n-2]).field(x.state, last.Str)
	case n > 1 && words[n-2].Type == ':':
		return known{}
	}
	return x.state.global(last.Str)
}

func (s *State) global(name string) known {
	v := s.root.G.Global.RawGetString(name)
	if k := s.known(v); k.shape != nil {
		return k
	}
	if declared := s.lib.globalShape(name); declared != nil && declared.item == nil {
		return known{declared, v}
	}
	if _, ok := s.lib.object(name); ok && v == lua.LNil { // most likely the parameter of a function that each is given
		return known{shape: &shape{object: name}}
	}
	return known{value: v}
}

// known is a value with the object that it is, if any.
func (s *State) known(v lua.LValue) known {
	if ud, ok := v.(*lua.LUserData); ok {
		for _, o := range s.lib.objects {
			if ud.Metatable == s.metas[o.Name] {
				return known{&shape{object: o.Name}, v}
			}
		}
	}
	return known{value: v}
}

func (k known) at(s *State, place string) known {
	if t, ok := k.value.(*lua.LTable); ok {
		if n, err := strconv.Atoi(place); err == nil {
			return s.known(t.RawGetInt(n))
		}
	}
	return known{}
}

func (k known) field(s *State, name string) known {
	if k.shape != nil && k.shape.object != "" {
		member, _ := s.lib.objectMember(k.shape.object, name)
		return known{shape: member}
	}
	if t, ok := k.value.(*lua.LTable); ok {
		return s.known(t.RawGetString(name))
	}
	return known{}
}

// members are the names behind the value: behind a colon what can be called with it, behind a dot what else it has.
func (k known) members(lib *Library, colon bool) []string {
	switch t, isTable := k.value.(*lua.LTable); {
	case k.shape != nil && k.shape.object != "":
		var names []string
		for _, m := range lib.on(k.shape.object) {
			if m.Name != "" && !colon {
				names = append(names, m.Name)
			} else if m.Name == "" {
				names = append(names, m.called(colon)...)
			}
		}
		return names
	case k.shape != nil && k.shape.module != nil && k.shape.module.On != "":
		var names []string
		for _, m := range lib.on(k.shape.module.On) {
			if m.Name == k.shape.module.Name {
				names = append(names, m.called(colon)...)
			}
		}
		return names
	case isTable:
		var names []string
		t.ForEach(func(key, v lua.LValue) {
			if name := key.String(); key.Type() == lua.LTString && plainName.MatchString(name) && (!colon || v.Type() == lua.LTFunction) {
				names = append(names, name)
			}
		})
		return names
	}
	return nil
}

// called are the primitives of a module, or else its fields.
func (m Module) called(primitives bool) []string {
	if primitives {
		return Module{Primitives: m.Primitives}.memberNames()
	}
	return Module{Fields: m.Fields}.memberNames()
}

// options are the options that the call which words are within still takes, ready to be given a value. ok says whether
// an option may stand here.
func (x *Session) options(words []ast.Token) (names []string, ok bool) {
	brace, before := innermost(words)
	if brace < 0 || words[brace].Type != '{' {
		return nil, false
	}
	if last := words[len(words)-1].Type; last != '{' && last != ',' && last != ';' {
		return nil, false
	}
	call, place := brace, 0 // f{ … }
	if before >= 0 && words[before].Type == '(' {
		call = before
		place = places(words[before+1 : brace])
	}
	p := x.primitive(words[:call])
	if p == nil {
		return nil, false
	}
	args, options, _ := p.params.split()
	if place < len(args) && !args[place].optional {
		return nil, false
	}
	for _, o := range options {
		if o.item == 0 && !slices.ContainsFunc(words[brace:], func(w ast.Token) bool { return w.Str == o.name }) {
			names = append(names, o.name+" = ")
		}
	}
	return names, true
}

// innermost is the place of the last bracket that is not closed, and of the one around it; -1 for none.
func innermost(words []ast.Token) (last, around int) {
	open := []int{-1, -1}
	for i, w := range words {
		switch w.Type {
		case '(', '{', '[':
			open = append(open, i)
		case ')', '}', ']':
			if len(open) > 2 {
				open = open[:len(open)-1]
			}
		}
	}
	return open[len(open)-1], open[len(open)-2]
}

// places is how many arguments stand before the one that follows words.
func places(words []ast.Token) int {
	n, depth := 0, 0
	for _, w := range words {
		switch w.Type {
		case '(', '{', '[', parse.TFunction:
			depth++
		case ')', '}', ']', parse.TEnd:
			depth--
		case ',':
			if depth == 0 {
				n++
			}
		}
	}
	return n
}

// primitive is the one that the words at the end name, or nil.
func (x *Session) primitive(words []ast.Token) *Primitive {
	n := len(words)
	if n == 0 || words[n-1].Type != parse.TIdent {
		return nil
	}
	name := words[n-1].Str
	lib := x.state.lib
	if n == 1 || words[n-2].Type != '.' && words[n-2].Type != ':' {
		if s := lib.globalShape(name); s != nil {
			return s.call
		}
		return nil
	}
	owner := x.owner(words[:n-2]).shape
	var member *shape
	switch {
	case owner == nil:
	case owner.object != "":
		member, _ = lib.objectMember(owner.object, name)
	case owner.module != nil:
		member, _ = lib.ownMember(owner.module, name)
	}
	if member == nil {
		return nil
	}
	return member.call
}
