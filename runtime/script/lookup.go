package script

import (
	"slices"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script/source"
)

// Seen is what a session has at some place, found without running anything.
type Seen struct {
	Exists    bool     // a value other than nil
	Object    string   // the name of the object that it is, or ""
	Names     []string // of a table, the keys that are names
	Functions []string // of these, the ones that are functions
}

// Library returns the declarations that the session's state was made from.
func (x *Session) Library() *Library { return x.state.lib }

// Globals returns the names of the globals that have a value.
func (x *Session) Globals() []string {
	s := x.state
	s.turn.Lock()
	defer s.turn.Unlock()
	isNil := func(name string) bool { return s.root.G.Global.RawGetString(name) == lua.LNil }
	return slices.DeleteFunc(sortedKeys(s.globals), isNil)
}

// Lookup returns what is at a path: the name of a global, then names of fields and numbers of list
// items.
func (x *Session) Lookup(path ...any) Seen {
	s := x.state
	s.turn.Lock()
	defer s.turn.Unlock()
	var v lua.LValue = s.root.G.Global
	for _, step := range path {
		t, ok := v.(*lua.LTable)
		if !ok {
			return Seen{}
		}
		switch step := step.(type) {
		case string:
			v = t.RawGetString(step)
		case int:
			v = t.RawGetInt(step)
		}
	}
	return s.see(v)
}

func (s *State) see(v lua.LValue) Seen {
	seen := Seen{Exists: v != lua.LNil}
	switch v := v.(type) {
	case *lua.LUserData:
		for _, o := range s.lib.objects {
			if v.Metatable == s.metas[o.Name] {
				seen.Object = o.Name
			}
		}
	case *lua.LTable:
		v.ForEach(func(key, value lua.LValue) {
			name := key.String()
			if key.Type() != lua.LTString || !source.IsName(name) {
				return
			}
			seen.Names = append(seen.Names, name)
			if value.Type() == lua.LTFunction {
				seen.Functions = append(seen.Functions, name)
			}
		})
	}
	return seen
}
