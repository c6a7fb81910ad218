package script

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script/spell"
)

// group is one of an object's groups, such as host.fs.
type group struct {
	module   string
	receiver any
}

func (s *State) objectOf(t reflect.Type) (Object, bool) {
	for _, o := range s.lib.objects {
		if o.Type == t {
			return o, true
		}
	}
	return Object{}, false
}

// objectValue returns the Lua value of a Go object. It is the same for each call, so that == works.
func (s *State) objectValue(l *lua.LState, o Object, v any) lua.LValue {
	if ud, ok := s.values[v]; ok {
		return ud
	}
	ud := l.NewUserData()
	ud.Value, ud.Metatable = v, s.metas[o.Name]
	s.values[v] = ud
	return ud
}

// declareObjects makes a metatable for each object and each of its groups.
func (s *State) declareObjects() {
	for _, o := range s.lib.objects {
		modules := s.lib.On(o.Name)
		members := s.lib.Members(o.Name)
		s.metas[o.Name] = s.metatable(o.Name, func(l *lua.LState, v any, key string) (lua.LValue, error) {
			for _, m := range modules {
				if m.Name == key && key != "" {
					ud := l.NewUserData()
					ud.Value, ud.Metatable = group{key, v}, s.metas[o.Name+"."+key]
					return ud, nil
				}
				if m.Name != "" {
					continue
				}
				if lv, err := s.member(l, m, v, key); lv != nil || err != nil {
					return lv, err
				}
			}
			return nil, unknown(o.Name, key, members)
		})
		for _, m := range modules {
			if m.Name == "" {
				continue
			}
			path := m.Group()
			s.metas[path] = s.metatable(path, func(l *lua.LState, v any, key string) (lua.LValue, error) {
				if lv, err := s.member(l, m, v.(group).receiver, key); lv != nil || err != nil {
					return lv, err
				}
				return nil, unknown(path, key, m.Members())
			})
		}
	}
}

// member returns a field or primitive of a module, or nil.
func (s *State) member(l *lua.LState, m Module, receiver any, key string) (lua.LValue, error) {
	for _, f := range m.Fields {
		if f.Name == key {
			return s.toLua(l, f.Get(receiver))
		}
	}
	for _, p := range m.Primitives {
		if p.Name == key {
			return s.function(m, p), nil
		}
	}
	return nil, nil
}

func (s *State) metatable(name string, index func(l *lua.LState, v any, key string) (lua.LValue, error)) *lua.LTable {
	meta := s.root.NewTable()
	meta.RawSetString("__index", s.root.NewFunction(func(l *lua.LState) int {
		v, err := index(l, l.CheckUserData(1).Value, l.Get(2).String())
		if err != nil {
			s.raiseHere(l, err)
		}
		l.Push(v)
		return 1
	}))
	meta.RawSetString("__newindex", s.root.NewFunction(func(l *lua.LState) int {
		s.raiseHere(l, fmt.Errorf("a %s can't be changed; keep your own values in a local", name))
		return 0
	}))
	meta.RawSetString("__tostring", s.root.NewFunction(func(l *lua.LState) int {
		text := name
		if str, ok := l.CheckUserData(1).Value.(fmt.Stringer); ok {
			text = str.String()
		}
		l.Push(lua.LString(text))
		return 1
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	return meta
}

// proxyTable makes a table that gets each field from Go when it is read.
func (s *State) proxyTable(l *lua.LState, p Proxy) lua.LValue {
	t, meta := l.NewTable(), l.NewTable()
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		v, err := p.Get(l.Context(), l.Get(2).String())
		if err == nil {
			var lv lua.LValue
			if lv, err = s.toLua(l, v); err == nil {
				l.Push(lv)
				return 1
			}
		}
		s.raiseHere(l, err)
		return 0
	}))
	meta.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		s.raiseHere(l, fmt.Errorf("%s can't be changed (setting %s); keep your own values in a local",
			p.Name, l.Get(2)))
		return 0
	}))
	meta.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LString(p.Name))
		return 1
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	t.Metatable = meta
	return t
}

// declareGlobals puts the modules without an object into the global table.
func (s *State) declareGlobals() {
	for _, m := range s.lib.modules {
		if m.On != "" {
			continue
		}
		if m.Name == "" {
			for _, p := range m.Primitives {
				s.root.G.Global.RawSetString(p.Name, s.function(m, p))
			}
			continue
		}
		t, ok := s.root.G.Global.RawGetString(m.Name).(*lua.LTable)
		if !ok {
			t = s.root.NewTable()
			s.root.G.Global.RawSetString(m.Name, t)
		}
		for _, p := range m.Primitives {
			t.RawSetString(p.Name, s.function(m, p))
		}
		if t.Metatable == lua.LNil {
			s.closeModule(m.Name, t)
		}
	}
}

// closeModule makes it an error to read a name that a global module does not have.
func (s *State) closeModule(name string, t *lua.LTable) {
	meta := s.root.NewTable()
	meta.RawSetString("__index", s.root.NewFunction(func(l *lua.LState) int {
		var names []string
		t.ForEach(func(k, _ lua.LValue) { names = append(names, k.String()) })
		slices.Sort(names)
		s.raiseHere(l, unknown(name, l.Get(2).String(), names))
		return 0
	}))
	t.Metatable = meta
}

func unknown(owner, key string, names []string) error {
	return fmt.Errorf("%s has no %q%s; it has %s", owner, key, spell.DidYouMean(key, names), strings.Join(names, ", "))
}
