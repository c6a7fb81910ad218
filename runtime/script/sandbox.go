package script

import (
	"context"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/stdlib"
)

func (s *State) openLibraries() error {
	l := s.root
	if err := stdlib.Open(l, stdlib.BaseNames()); err != nil {
		return err
	}
	g := l.G.Global
	g.RawSetString("print", l.NewFunction(s.print))
	g.RawSetString("pcall", l.NewFunction(func(l *lua.LState) int { return s.protectedCall(l, 1, nil) }))
	g.RawSetString("xpcall", l.NewFunction(func(l *lua.LState) int {
		handler := l.CheckFunction(2)
		l.Remove(2)
		return s.protectedCall(l, 1, handler)
	}))
	if s.opts.Getenv != nil {
		g.RawGetString(lua.OsLibName).(*lua.LTable).RawSetString("getenv", l.NewFunction(func(l *lua.LState) int {
			value, ok := s.opts.Getenv(l.CheckString(1))
			if !ok {
				return 0
			}
			l.Push(lua.LString(value))
			return 1
		}))
	}
	g.RawGetString(lua.OsLibName).(*lua.LTable).RawSetString("date", l.NewFunction(func(l *lua.LState) int {
		v, err := stdlib.Date(l)
		if err != nil {
			s.raise(l, s.locate(l, Call{Name: "os.date", Line: currentLine(l)}, err))
		}
		l.Push(v)
		return 1
	}))
	for _, name := range stdlib.Libraries() {
		s.closeModule(name, g.RawGetString(name).(*lua.LTable))
	}
	co := g.RawGetString(lua.CoroutineLibName).(*lua.LTable)
	yield := co.RawGetString("yield").(*lua.LFunction).GFunction
	co.RawSetString("yield", l.NewFunction(func(l *lua.LState) int {
		// gopher-lua ends the coroutine silently when it yields in a function that Go called.
		if s.nested[l] > 0 {
			l.RaiseError("coroutine.yield can't leave a function that was passed to a primitive, such as step or each")
		}
		return yield(l)
	}))
	return nil
}

func (s *State) print(l *lua.LState) int {
	var words []string
	for i := 1; i <= l.GetTop(); i++ {
		words = append(words, l.ToStringMeta(l.Get(i)).String())
	}
	if s.opts.Print != nil {
		s.opts.Print(l.Context(), strings.Join(words, "\t"))
	}
	return 0
}

// protectedCall implements pcall and xpcall. It calls the function at place at, with the arguments
// after it, on a new Lua thread.
//
// gopher-lua's own pcall separates closures from the locals that they share with the calling
// functions when it catches an error: from then on, both see different values. A new thread has no
// frames of the caller to separate.
func (s *State) protectedCall(l *lua.LState, at int, handler *lua.LFunction) int {
	fn := l.CheckFunction(at)
	thread, cancel := l.NewThread()
	defer cancel()
	thread.Push(fn)
	nargs := l.GetTop() - at
	for i := at + 1; i <= l.GetTop(); i++ {
		thread.Push(l.Get(i))
	}
	s.root.G.CurrentThread = thread
	err := thread.PCall(nargs, lua.MultRet, nil)
	s.root.G.CurrentThread = l
	if err == nil {
		l.Push(lua.LTrue)
		for i := 1; i <= thread.GetTop(); i++ {
			l.Push(thread.Get(i))
		}
		return thread.GetTop() + 1
	}
	object := lua.LValue(lua.LString(err.Error()))
	if api, ok := err.(*lua.ApiError); ok {
		object = api.Object
	}
	l.Push(lua.LFalse)
	if handler != nil {
		l.Push(handler)
		l.Push(object)
		l.Call(1, 1)
		return 2
	}
	l.Push(object)
	return 2
}

// closeGlobals makes it an error to read or set an undeclared global. Otherwise a misspelt name
// would be nil, and after a forgotten `local` all hosts would share the variable.
func (s *State) closeGlobals() {
	g := s.root.G.Global
	g.ForEach(func(k, _ lua.LValue) { s.globals[k.String()] = true })
	meta := s.root.NewTable()
	meta.RawSetString("__index", s.root.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		if s.open && s.globals[name] { // it was set to nil
			return 0
		}
		s.raiseHere(l, fmt.Errorf("undeclared global %q%s", name, spell.DidYouMean(name, sortedKeys(s.globals))))
		return 0
	}))
	meta.RawSetString("__newindex", s.root.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		if s.open {
			s.globals[name] = true
			l.G.Global.RawSetString(name, l.Get(3))
			return 0
		}
		s.raiseHere(l, fmt.Errorf("undeclared global %q is set; write: local %s = …", name, name))
		return 0
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	g.Metatable = meta
}

// declareRequire makes require "name" find name.lua, see source.Project.
func (s *State) declareRequire() {
	s.root.G.Global.RawSetString("require", s.root.NewFunction(func(l *lua.LState) int {
		v, err := s.require(l, s.project, l.CheckString(1))
		if err != nil {
			s.raise(l, s.locate(l, Call{Name: "require", Line: currentLine(l)}, err))
		}
		l.Push(v)
		return 1
	}))
}

func (s *State) require(l *lua.LState, project source.Project, name string) (lua.LValue, error) {
	from, _, _ := source.SplitPlace(currentLine(l))
	path, text, err := project.FindModule(name, from)
	if err != nil {
		return nil, err
	}
	v, known := s.loaded[path]
	fill := s.deferred[path]
	switch {
	case known && v == nil:
		return nil, fmt.Errorf("%s requires itself, directly or through another module", path)
	case known && fill != nil && !s.shipped[from]:
		return v, fill(l)
	case known:
		return v, nil
	}
	s.shipped[path] = project.HasBuiltin(path, text)
	if s.shipped[path] && s.shipped[from] {
		s.loaded[path] = s.deferModule(l, path, text)
		return s.loaded[path], nil
	}
	s.loaded[path] = nil
	v, err = s.runModule(l, path, text)
	if s.loaded[path] = v; err != nil {
		delete(s.loaded, path)
	}
	return v, err
}

func (s *State) runModule(l *lua.LState, path string, text []byte) (lua.LValue, error) {
	fn, err := s.load(l.Context(), l, path, text)
	if err != nil {
		return nil, err
	}
	thread, cancel := l.NewThread()
	defer cancel()
	thread.Push(fn)
	s.root.G.CurrentThread = thread
	err = thread.PCall(0, 1, nil)
	s.root.G.CurrentThread = l
	if err != nil {
		return nil, s.goError(thread, err)
	}
	s.order = append(s.order, path)
	return thread.Get(-1), nil
}

// deferModule returns the table of a built-in module. The module runs when a field is first read:
// recipes use few of them, and to read the options of a recipe hardly any is needed. Only built-in
// files get such a table. They do nothing but read its fields, and each returns a table that nobody
// else has.
func (s *State) deferModule(l *lua.LState, path string, text []byte) *lua.LTable {
	s.opts.Files.Defer(path, text)
	module, meta := l.NewTable(), l.NewTable()
	s.deferred[path] = func(l *lua.LState) error {
		module.Metatable = lua.LNil
		v, err := s.runModule(l, path, text)
		if err != nil {
			module.Metatable = meta
			return err
		}
		v.(*lua.LTable).ForEach(module.RawSet)
		delete(s.deferred, path)
		return nil
	}
	meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		if err := s.deferred[path](l); err != nil {
			s.raise(l, s.locate(l, Call{Name: "require", Line: currentLine(l)}, err))
		}
		l.Push(module.RawGet(l.Get(2)))
		return 1
	}))
	module.Metatable = meta
	return module
}

// Eval runs a Lua file that may use only string, table and math, such as a hosts file, and returns
// its value. path is its name in errors. ctx can end it.
func Eval(ctx context.Context, path string, text []byte) (any, error) {
	f := source.Read(path, text)
	if f.Problem != nil {
		return nil, f.Problem
	}
	s := &State{
		root: newLState(), chunks: map[string][]string{path: f.Lines},
		globals: map[string]bool{}, nested: map[*lua.LState]int{},
	}
	defer s.root.Close()
	s.root.SetContext(ctx)
	s.declareErrors()
	base := []string{"assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", "unpack"}
	if err := stdlib.Open(s.root, base); err != nil {
		return nil, err
	}
	s.root.G.Global.RawSetString(lua.OsLibName, lua.LNil)
	s.root.G.Global.RawSetString(lua.CoroutineLibName, lua.LNil)
	s.closeGlobals()
	return Callback{state: s, thread: s.root, fn: s.root.NewFunctionFromProto(f.Proto)}.Call(ctx)
}
