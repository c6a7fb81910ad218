package script

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// File is an argument that names a file of the project, such as a script. Like a module, it is
// looked up beside the recipe and in its lib folder. The primitive gets it with its text.
type File struct {
	Name string // as written in the recipe
	Path string // on this machine
	Text string
}

// LocalPath is the path of a file or folder of this machine, as source.ProjectPath reads it.
type LocalPath string

// resolvePaths resolves the local paths of a call's arguments.
func (s *State) resolvePaths(sig types.Signature, into reflect.Value) {
	for _, p := range slices.Concat(sig.Args, sig.Options) {
		if path, ok := into.FieldByIndex(p.Index).Addr().Interface().(*LocalPath); ok {
			*path = LocalPath(source.ProjectPath(s.project.Dir, string(*path)))
		}
	}
}

// file reads a file once for each run, so that all hosts get the same text.
func (s *State) file(ctx context.Context, name string) (File, error) {
	if f, ok := s.named[name]; ok && !s.open { // in a session, the file may be edited between two calls
		return f, nil
	}
	path, text, err := s.project.FindFile(name)
	if err != nil {
		return File{}, err
	}
	f := File{Name: name, Path: path, Text: string(text)}
	s.stream.AddURLs(f.Text)
	s.named[name] = f
	return f, nil
}

// Words are any number of positional arguments: strings, numbers, and lists of them. Each item of a
// list counts as an argument.
type Words []string

// add appends a Lua value. place is the number of the argument, from 1.
func (w *Words) add(value any, place int) error {
	switch v := value.(type) {
	case string:
		*w = append(*w, v)
		return nil
	case float64:
		*w = append(*w, strconv.FormatFloat(v, 'f', -1, 64))
		return nil
	case Table:
		for name := range v.Fields {
			return fmt.Errorf("argument %d: want a list, got a table with the name %q in it; options come last",
				place, name)
		}
		for _, item := range v.List {
			if _, nested := item.(Table); nested {
				return fmt.Errorf("argument %d: want a list of strings and numbers, got a list in it", place)
			}
			if err := w.add(item, place); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("argument %d: want a string, a number or a list of them, got %s", place, Describe(value))
}

// unpackWords reads the arguments from at to last. When the primitive has options, a last table
// with names in it is left for them. It returns the place of the first argument that is left.
func (s *State) unpackWords(l *lua.LState, at, last int, options bool) (Words, int, error) {
	if t, ok := l.Get(last).(*lua.LTable); options && ok && last >= at && hasNames(t) {
		last--
	}
	var words Words
	for i := at; i <= last; i++ {
		v, err := s.fromLua(l, l.Get(i))
		if err != nil {
			return nil, 0, err
		}
		if err := words.add(v, i-at+1); err != nil {
			return nil, 0, err
		}
	}
	return words, max(at, last+1), nil
}

// hasNames reports whether a table has names in it, as options have.
func hasNames(t *lua.LTable) bool {
	found := false
	t.ForEach(func(k, _ lua.LValue) { found = found || k.Type() == lua.LTString })
	return found
}
