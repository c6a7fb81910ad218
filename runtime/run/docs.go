package run

import "runbook/runtime/script"

// Docs is the Lua API, whole for the name "", or one group or entry, with what more adds to it. An unknown name has
// StatusUsage.
func Docs(name string, more Extension) (string, error) {
	lib, err := apiLibrary(more)
	if err != nil {
		return "", err
	}
	text, err := lib.Docs(name)
	return text, Usage(err)
}

// Names are the names that Docs knows, groups and entries.
func Names(more Extension) ([]string, error) {
	lib, err := apiLibrary(more)
	if err != nil {
		return nil, err
	}
	return lib.Names(), nil
}

// Stub is the Lua API as a definition file for editors.
func Stub(more Extension) (string, error) {
	lib, err := apiLibrary(more)
	if err != nil {
		return "", err
	}
	return lib.Stub(), nil
}

// Markdown is the Lua API as a page.
func Markdown(more Extension) (string, error) {
	lib, err := apiLibrary(more)
	if err != nil {
		return "", err
	}
	return lib.Markdown(), nil
}

// apiLibrary is the library as documentation: its primitives belong to no run and are never called.
func apiLibrary(more Extension) (*script.Library, error) { return (&runner{more: more}).library() }

// Luacheck is the Lua API as a configuration of luacheck: what recipes can use, and what tests can beside it.
func Luacheck(tests Extension) (string, error) {
	recipes, err := apiLibrary(Extension{})
	if err != nil {
		return "", err
	}
	more, err := apiLibrary(tests)
	if err != nil {
		return "", err
	}
	return script.Luacheck(recipes, more), nil
}
