// Package stdlib opens the part of Lua's standard library that recipes have.
package stdlib

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// BaseNames returns the base functions of Lua that recipes have: those that neither load code nor
// leave the recipe.
func BaseNames() []string {
	return []string{
		"assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
		"require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION",
	}
}

// Libraries returns the libraries that recipes have, each a global table. All but os are
// complete.
func Libraries() []string {
	return []string{lua.TabLibName, lua.StringLibName, lua.MathLibName, lua.CoroutineLibName, lua.OsLibName}
}

// OSNames returns the functions of os that recipes have.
func OSNames() []string { return []string{"clock", "date", "difftime", "getenv", "time"} }

// Open gives a state the base functions with these names, and the libraries.
func Open(l *lua.LState, base []string) error {
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
	library := l.G.Global.RawGetString(lua.StringLibName).(*lua.LTable)
	library.RawSetString("gmatch", l.NewClosure(gmatch, library.RawGetString("gmatch")))
	library.RawSetString("gfind", lua.LNil) // Lua 5.0's name of it
	removeOthers(l.G.Global, append(base, Libraries()...))
	removeOthers(l.G.Global.RawGetString(lua.OsLibName).(*lua.LTable), OSNames())
	return nil
}

// gmatch is string.gmatch, whose iterator needs no arguments, as in Lua. gopher-lua's wants its
// state, so that it works in a for loop only.
func gmatch(l *lua.LState) int {
	l.CheckString(1)
	l.CheckString(2)
	l.Push(l.Get(lua.UpvalueIndex(1)))
	l.Push(l.Get(1))
	l.Push(l.Get(2))
	l.Call(2, 2)
	iterate, state := l.Get(-2), l.Get(-1)
	l.Push(l.NewFunction(func(l *lua.LState) int {
		l.SetTop(0)
		l.Push(iterate)
		l.Push(state)
		l.Call(1, lua.MultRet)
		return l.GetTop()
	}))
	return 1
}

// removeOthers removes all names from a table except the given ones.
func removeOthers(t *lua.LTable, names []string) {
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

// Names returns the names in each of Lua's libraries, as recipes have them.
func Names() (map[string][]string, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	if err := Open(l, BaseNames()); err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, library := range Libraries() {
		l.G.Global.RawGetString(library).(*lua.LTable).ForEach(func(k, _ lua.LValue) {
			names[library] = append(names[library], k.String())
		})
		slices.Sort(names[library])
	}
	return names, nil
}
