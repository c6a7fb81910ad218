package script

import (
	"bytes"
	"context"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"runbook/runtime/event"
)

// Sources keeps files that were read, so that a recipe that is described, checked and run is parsed and compiled once. A
// file that has changed is read anew. The zero value is empty and ready; nil keeps nothing.
type Sources struct {
	mu    sync.Mutex
	files map[string]*recipeFile
}

// recipeFile is a file that was read.
type recipeFile struct {
	*source
	text     []byte
	chunk    []ast.Stmt             // nil where it can't be parsed
	proto    *lua.FunctionProto     // nil where it can't be compiled
	problem  error                  // why it can't be, or nil
	assigned func() map[string]bool // the names that are assigned to after their declaration
}

// Has says whether the file was read.
func (s *Sources) Has(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[path] != nil
}

func (s *Sources) file(path string, text []byte) *recipeFile {
	if s == nil {
		return readFile(path, text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[path]; f != nil && bytes.Equal(f.text, text) {
		return f
	}
	if s.files == nil {
		s.files = map[string]*recipeFile{}
	}
	f := readFile(path, text)
	s.files[path] = f
	return f
}

func readFile(path string, text []byte) *recipeFile {
	f := &recipeFile{source: readSource(path, text), text: text}
	if f.chunk, f.problem = parseChunk(path, text); f.problem != nil {
		return f
	}
	f.assigned = sync.OnceValue(func() map[string]bool { return assignedNames(f.chunk) })
	f.proto, f.problem = compileChunk(path, f.chunk) // which also finds break outside of a loop, goto nowhere
	return f
}

// addURLs makes secrets of the users and passwords in the URLs that the file's strings are. Comments are left out: an example
// in them is no secret.
func (f *recipeFile) addURLs(ctx context.Context) {
	if !bytes.Contains(f.text, []byte("://")) || !bytes.Contains(f.text, []byte("@")) {
		return
	}
	if f.end() != nil { // it can't be taken apart, and its lines may come up in the error
		event.AddURLs(ctx, string(f.text))
		return
	}
	for _, w := range f.words() {
		if w.Type == parse.TString {
			event.AddURLs(ctx, w.Str)
		}
	}
}
