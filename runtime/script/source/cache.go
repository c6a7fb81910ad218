package source

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"sync"
)

// Cache keeps files that were read, so that a recipe that is described, checked and run is parsed
// and compiled once. A file whose text has changed is read again. The zero value is empty and
// ready; nil keeps nothing.
type Cache struct {
	Builtin fs.FS // the built-in files, see Project; may be nil

	shared *Cache // caches the files of all recipes; may be nil
	mu     sync.Mutex
	files  map[string]*File
	later  map[string][]byte // the texts of modules that may be read later, see Defer
}

// ForRecipe returns an empty cache for one recipe. It uses the files in c, and adds the files that
// it reads to c.
func (c *Cache) ForRecipe() *Cache { return &Cache{Builtin: c.builtin(), shared: c} }

// Project returns the project of the recipes in a folder.
func (c *Cache) Project(dir string) Project { return Project{Dir: dir, Builtin: c.builtin()} }

func (c *Cache) builtin() fs.FS {
	if c == nil {
		return nil
	}
	return c.Builtin
}

// Has reports whether the file was read.
func (c *Cache) Has(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[path] != nil
}

// AddPaths adds the paths of the files that were read.
func (c *Cache) AddPaths(paths map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for path := range c.files {
		paths[filepath.Clean(path)] = true
	}
}

// Defer keeps the text of a module that is read when something of it is needed. Steps reads it.
func (c *Cache) Defer(path string, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.later == nil {
		c.later = map[string][]byte{}
	}
	c.later[path] = text
}

// Calls reports whether a file that was read may call a method of this name.
func (c *Cache) Calls(method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		if bytes.Contains(f.Text, []byte(":"+method)) {
			return true
		}
	}
	return false
}

// readDeferred reads the modules that were not read yet.
func (c *Cache) readDeferred() {
	c.mu.Lock()
	later := c.later
	c.later = nil
	c.mu.Unlock()
	for path, text := range later {
		c.File(path, text)
	}
}

// File returns the file at path, whose text is given.
func (c *Cache) File(path string, text []byte) *File {
	if c == nil {
		return Read(path, text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.files[path]; f != nil && bytes.Equal(f.Text, text) {
		return f
	}
	if c.files == nil {
		c.files = map[string]*File{}
	}
	f := c.shared.File(path, text)
	c.files[path] = f
	return f
}
