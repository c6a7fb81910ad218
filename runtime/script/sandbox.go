package script

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Of Lua's base functions and os, what neither loads code nor leaves the recipe. string, table, math and coroutine
// are whole.
func baseNames() []string {
	return []string{"assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget",
		"rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION"}
}

// libraryNames are the libraries that recipes have, each a global table.
func libraryNames() []string {
	return []string{lua.TabLibName, lua.StringLibName, lua.MathLibName, lua.CoroutineLibName, lua.OsLibName}
}

func osNames() []string { return []string{"clock", "date", "difftime", "getenv", "time"} }

func openBase(l *lua.LState, base []string) error {
	libs := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.StringLibName, lua.OpenString},
		{lua.MathLibName, lua.OpenMath}, {lua.CoroutineLibName, lua.OpenCoroutine}, {lua.OsLibName, lua.OpenOs},
	}
	for _, lib := range libs {
		l.Push(l.NewFunction(lib.open))
		l.Push(lua.LString(lib.name))
		if err := l.PCall(1, 0, nil); err != nil {
			return fmt.Errorf("opening Lua's %q: %w", lib.name, err)
		}
	}
	keep(l.G.Global, append(base, libraryNames()...))
	keep(l.G.Global.RawGetString(lua.OsLibName).(*lua.LTable), osNames())
	return nil
}

// keep removes from a table all names but the given ones.
func keep(t *lua.LTable, names []string) {
	kept := map[string]bool{}
	for _, n := range names {
		kept[n] = true
	}
	var drop []lua.LValue
	t.ForEach(func(k, _ lua.LValue) {
		if !kept[k.String()] {
			drop = append(drop, k)
		}
	})
	for _, k := range drop {
		t.RawSet(k, lua.LNil)
	}
}

func (s *State) openLibraries() error {
	l := s.root
	if err := openBase(l, baseNames()); err != nil {
		return err
	}
	g := l.G.Global
	g.RawSetString("print", l.NewFunction(s.print))
	g.RawSetString("pcall", l.NewFunction(func(l *lua.LState) int { return s.protected(l, 1, nil) }))
	g.RawSetString("xpcall", l.NewFunction(func(l *lua.LState) int {
		handler := l.CheckFunction(2)
		l.Remove(2)
		return s.protected(l, 1, handler)
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
	for _, name := range libraryNames() {
		s.closeModule(name, g.RawGetString(name).(*lua.LTable))
	}
	co := g.RawGetString(lua.CoroutineLibName).(*lua.LTable)
	yield := co.RawGetString("yield").(*lua.LFunction).GFunction
	co.RawSetString("yield", l.NewFunction(func(l *lua.LState) int {
		// A yield out of a function that Go called ends the coroutine without a word in gopher-lua.
		if s.nested[l] > 0 {
			l.RaiseError("coroutine.yield can't leave a function that was passed to a primitive (step, each, agent.forward …)")
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

// protected is pcall and xpcall: the function at place at, with what stands behind it, on a Lua thread of its own.
//
// gopher-lua's own pcall detaches every local that closures of the calling functions share with them once an error was
// caught, so that both go on with different values. A thread of its own has no frames of the caller to detach.
func (s *State) protected(l *lua.LState, at int, handler *lua.LFunction) int {
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

// closeGlobals makes reading or setting an undeclared global an error: in Lua a misspelt name is nil otherwise, and a
// forgotten `local` is shared by all hosts.
func (s *State) closeGlobals() {
	g := s.root.G.Global
	g.ForEach(func(k, _ lua.LValue) { s.globals[k.String()] = true })
	meta := s.root.NewTable()
	meta.RawSetString("__index", s.root.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		if s.open && s.globals[name] { // it was set to nil
			return 0
		}
		s.throw(l, s.blame(l, Call{Line: where(l)}, fmt.Errorf("undeclared global %q%s", name, DidYouMean(name, sortedKeys(s.globals)))))
		return 0
	}))
	meta.RawSetString("__newindex", s.root.NewFunction(func(l *lua.LState) int {
		name := l.Get(2).String()
		if s.open {
			s.globals[name] = true
			l.G.Global.RawSetString(name, l.Get(3))
			return 0
		}
		s.throw(l, s.blame(l, Call{Line: where(l)}, fmt.Errorf("undeclared global %q is set; write: local %s = …", name, name)))
		return 0
	}))
	meta.RawSetString("__metatable", lua.LFalse)
	g.Metatable = meta
}

var moduleName = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)

// declareRequire makes require "name" find name.lua in dir or in its lib folder, and nowhere else.
func (s *State) declareRequire(dir string) {
	s.root.G.Global.RawSetString("require", s.root.NewFunction(func(l *lua.LState) int {
		v, err := s.require(l, dir, l.CheckString(1))
		if err != nil {
			s.throw(l, s.blame(l, Call{Name: "require", Line: where(l)}, err))
		}
		l.Push(v)
		return 1
	}))
}

func (s *State) require(l *lua.LState, dir, name string) (lua.LValue, error) {
	path, source, err := findModule(dir, name)
	if err != nil {
		return nil, err
	}
	if v, ok := s.loaded[path]; ok {
		if v == nil {
			return nil, fmt.Errorf("%s requires itself, through what it requires", path)
		}
		return v, nil
	}
	s.loaded[path] = nil
	fn, err := s.load(l.Context(), l, path, source)
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
		delete(s.loaded, path)
		return nil, s.caught(thread, err)
	}
	s.loaded[path], s.order = thread.Get(-1), append(s.order, path)
	return s.loaded[path], nil
}

// RecipeDir is the folder of the recipes that a file belongs to: its own, or for one in lib the folder above.
func RecipeDir(path string) string {
	dir := filepath.Dir(path)
	if filepath.Base(dir) == "lib" {
		return filepath.Dir(dir)
	}
	return dir
}

// findModule reads the file that require "name" means for recipes in dir.
func findModule(dir, name string) (path string, source []byte, err error) {
	if !moduleName.MatchString(name) {
		return "", nil, fmt.Errorf("%q is no module name; want letters, digits, - and _, such as require \"releases\"", name)
	}
	tried := []string{filepath.Join(dir, name+".lua"), filepath.Join(dir, "lib", name+".lua")}
	for _, path := range tried {
		source, err := ReadShown(path)
		if err == nil {
			return path, source, nil
		}
		if !os.IsNotExist(err) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("there is no module %q: neither %s nor %s exists", name, tried[0], tried[1])
}

// moduleNames are the names that recipes in dir can require.
func moduleNames(dir string) []string {
	var names []string
	for _, folder := range []string{dir, filepath.Join(dir, "lib")} {
		files, err := filepath.Glob(filepath.Join(folder, "*.lua"))
		if err != nil { // the folder's own name is a pattern
			continue
		}
		for _, file := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".lua"))
		}
	}
	return names
}

// Eval runs a Lua file that gets nothing to work with but string, table and math, such as a hosts file, and returns
// the value that it returns. path is what errors show. It ends when ctx does.
func Eval(ctx context.Context, path string, source []byte) (any, error) {
	proto, err := compile(path, source)
	if err != nil {
		return nil, err
	}
	s := &State{root: newLState(), chunks: map[string][]string{path: splitLines(string(source))}, globals: map[string]bool{}, nested: map[*lua.LState]int{}}
	defer s.root.Close()
	s.root.SetContext(ctx)
	s.declareErrors()
	base := []string{"assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", "unpack"}
	if err := openBase(s.root, base); err != nil {
		return nil, err
	}
	s.root.G.Global.RawSetString(lua.OsLibName, lua.LNil)
	s.root.G.Global.RawSetString(lua.CoroutineLibName, lua.LNil)
	s.closeGlobals()
	return Callback{state: s, thread: s.root, fn: s.root.NewFunctionFromProto(proto)}.Call(ctx)
}
