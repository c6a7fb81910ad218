package script_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/internal/scripttest"
	"runbook/runtime/script/source"
)

// TestDeferredModules runs recipes that require built-in modules, which print when they run. If the
// recipe and the modules are unchanged, a module runs only when a field is first read.
func TestDeferredModules(t *testing.T) {
	const recipe = `local a, b, c = require "a", require "b", require "c"
print("recipe", type(a), a == require "a")
print(a.x, a.b(), a.missing)`
	builtin := fstest.MapFS{}
	for name, text := range map[string]string{
		"r.lua":     recipe,
		"lib/a.lua": `local b = require "b" print("a") return { x = 1, b = function() return b.y end }`,
		"lib/b.lua": `print("b") return { y = 2 }`,
		"lib/c.lua": `print("c") step("later", function() end) return { z = 3 }`,
	} {
		builtin[name] = &fstest.MapFile{Data: []byte(text)}
	}
	const changed = `print("changed b") local c = require "c" for name in pairs(c) do print(name) end return { y = 4 }`
	for _, tt := range []struct {
		name         string
		files        map[string]string
		printed, err string
	}{
		{"as built in", nil, "recipe\ttable\ttrue|a|b|1\t2\tnil", ""},
		{"with copies", map[string]string{"lib/b.lua": string(builtin["lib/b.lua"].Data)},
			"recipe\ttable\ttrue|a|b|1\t2\tnil", ""},
		{"a changed recipe", map[string]string{"r.lua": recipe + " -- changed"}, "a|b|c|recipe\ttable\ttrue|1\t2\tnil",
			""},
		{"pairs in a changed recipe",
			map[string]string{"r.lua": `local a = require "a" print(a.b()) ` +
				`for name in pairs(require "b") do print(name) end`},
			"a|b|2|y", ""},
		{"pairs of a module that another one has deferred",
			map[string]string{"r.lua": `require "a" for name in pairs(require "b") do print(name) end`},
			"a|b|y", ""},
		{"a changed module", map[string]string{"lib/b.lua": changed}, "changed b|c|z|recipe\ttable\ttrue|a|1\t4\tnil",
			""},
		{"a mistake in a module", map[string]string{"lib/b.lua": `error("broken")`}, "", "lib/b.lua:1: broken"},
		{"a module that misses another", map[string]string{"lib/b.lua": `require "d"`}, "",
			`lib/b.lua:1: require: there is no module "d"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			written := map[string]string{"r.lua": recipe}
			maps.Copy(written, tt.files)
			for name, text := range written {
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			files := &source.Cache{Builtin: builtin}
			var printed []string
			s, err := scripttest.Library(t).NewState(event.NewStream(), script.StateOptions{Files: files,
				Print: func(_ context.Context, text string) { printed = append(printed, text) }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Run(t.Context(), "r.lua")
			if got := strings.Join(printed, "|"); got != tt.printed {
				t.Errorf("printed %q, want %q", got, tt.printed)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			isLater := func(s source.Step) bool { return s.Begin == "later" }
			if tt.err == "" && tt.files["r.lua"] == "" && !slices.ContainsFunc(files.Steps(), isLater) {
				t.Errorf("the step of module c is missing: %v", files.Steps())
			}
		})
	}
}
