package recipe_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

// declaration is lib/declared.lua of the projects in these tests.
const declaration = `
local function even(value, all)
  return value % 2 == 1 and "want an even number; odd is " .. tostring(all.odd) or nil
end
return validate(require "app", {
  root = { "/srv/app", "where" },
  count = { 2, "how many", min = 1, max = 9, check = even },
  odd = { false, "whether" },
  keys = { {}, "some" },
  way = { "touch", "how", choices = { "touch", "none" }, type = "string|function" },
  within = { "60s", "how long", type = "duration" },
  batch = { 1, "how many together", type = "integer|percent", min = 1 },
  ratio = { 0.5, "what part" },
  env = { {}, "the environment", type = "table<string, string>" },
  hook = { nil, "called", type = "function|table<string, function>", choices = { "once", "each" } },
})
`

// writeProject writes a project whose recipe uses the settings, and returns its folder.
func writeProject(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"recipe.lua": "local app = require \"declared\"\n" +
			"local options = recipe { options = { root = { app.root, \"where\" } } }\nprint(options.root, app.count)\n",
		"lib/declared.lua": declaration,
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkProject returns what check reports of a file of a project, without the folder's path.
func checkProject(t *testing.T, dir, file string) []string {
	t.Helper()
	var lines []string
	for _, p := range check(t, filepath.Join(dir, file)) {
		lines = append(lines, strings.ReplaceAll(p.Error(), dir+string(filepath.Separator), ""))
	}
	return lines
}

func TestInvalidSettings(t *testing.T) {
	for _, tt := range []struct{ app, want string }{
		{"return {\n  roott = \"/x\",\n}", `app.lua:2:3: there is no setting "roott" (did you mean "root"?)`},
		{"return {\n  root = 5,\n}", `app.lua:2:3: root: want a string, got the number 5`},
		{"return { root = true }", `app.lua:1:10: root: want a string, got true`},
		{"return { count = 0 }", `app.lua:1:10: count: want at least 1, got 0`},
		{"return { count = 10 }", `app.lua:1:10: count: want at most 9, got 10`},
		{"return { count = 2.5 }", `app.lua:1:10: count: want a whole number, got 2.5`},
		{"return { count = \"2\" }", `app.lua:1:10: count: want a whole number, got the string "2"`},
		{"return { count = 1/0 }", `app.lua:1:10: count: want a whole number, got the number +Inf`},
		{"return { count = 3 }", `app.lua:1:10: count: want an even number; odd is nil`},
		{"return { odd = 1 }", `app.lua:1:10: odd: want true or false, got the number 1`},
		{"return { keys = \"x\" }", `app.lua:1:10: keys: want a list of strings, got the string "x"`},
		{"return { keys = { a = \"x\" } }", `app.lua:1:10: keys: want a list of strings, got a table`},
		{"return { keys = { \"a\",\n  3 } }", `app.lua:2:3: keys: item 2: want a string, got the number 3`},
		{"return { way = \"tuch\" }", `app.lua:1:10: way: want one of touch, none, got "tuch" (did you mean "touch"?)`},
		{"return { way = {} }", `app.lua:1:10: way: want a string or a function, got a table`},
		{"return { within = \"90s\\1\" }",
			// The string is "90s" once it is cleaned.
			`app.lua:1:10: within: want a duration such as 90s or 1m30s, got the string "90s\x01"`},
		{"return { within = 60 }", `app.lua:1:10: within: want a duration such as 90s or 1m30s, got the number 60`},
		{"return { within = \"60\" }",
			`app.lua:1:10: within: want a duration such as 90s or 1m30s, got the string "60"`},
		{"return { batch = 0 }", `app.lua:1:10: batch: want at least 1, got 0`},
		{"return { batch = \"0%\" }",
			`app.lua:1:10: batch: want a whole number or a percentage such as 25%, got the string "0%"`},
		{"return { batch = \"101%\" }",
			`app.lua:1:10: batch: want a whole number or a percentage such as 25%, got the string "101%"`},
		{"return { ratio = \"half\" }", `app.lua:1:10: ratio: want a number, got the string "half"`},
		{"return { env = { \"A\" } }", `app.lua:1:10: env: want a table of strings by name, got a table`},
		{"return { env = {\n  A = \"1\",\n  B = 2,\n} }", `app.lua:3:3: env: B: want a string, got the number 2`},
		{"return { hook = true }", `app.lua:1:10: hook: want a function or a table of functions by name, got true`},
		{"return { hook = {\n  onec = print,\n} }",
			`app.lua:2:3: hook: there is no "onec" (did you mean "once"?); want once or each`},
		{"return { hook = { once = 1 } }", `app.lua:1:19: hook: once: want a function, got the number 1`},
		// The name of a key may also be a value on its line, or an argument.
		{"return { way = \"root\", [\"root\"] = 5 }", `app.lua:1:25: root: want a string, got the number 5` + "\n" +
			`app.lua:1:10: way: want one of touch, none, got "root"`},
		// Keys that are set later.
		{"local app = {}\napp.root = \"/x\"\nif _VERSION then\n  app.root = 5\nend\nreturn app",
			`app.lua:4:7: root: want a string, got the number 5`},
		{"local app = { root = 1 }\nfunction app.rooot() end\nreturn app",
			`app.lua:1:15: root: want a string, got the number 1` + "\n" +
				`app.lua:2:14: there is no setting "rooot" (did you mean "root"?)`},
		{"local app\napp = {\n  root = 5,\n}\nreturn app", `app.lua:3:3: root: want a string, got the number 5`},
		{"return setmetatable({\n  root = 5,\n}, {})", `app.lua:2:3: root: want a string, got the number 5`},
		{"local app = { root = 5 }\napp = app\nreturn app", `app.lua:1:15: root: want a string, got the number 5`},
		// A mistake that has no line of its own is reported at the end.
		{"local app = {}\napp[\"ro\" .. \"ot\"] = 5\nreturn app", `app.lua:3:1: root: want a string, got the number 5`},
		{"return { \"root\" }", `app.lua:1:1: want settings by name, got the string "root" without one`},
		{"return { [true] = 1 }", `app.lua:1:1: a table key must be a name or a position in a list, got a boolean`},
		{"print(\"x\")", `app.lua:1:1: want a table, got nil`},
		{"", `app.lua:1:1: want a table, got nil`},
		{"return {}", ""},
		{"return { root = \"/x\", count = 4, odd = true, keys = { \"a\" }, way = print, within = \"1m30s\", " +
			"batch = \"25%\", ratio = 2,\n" +
			"env = { A = \"1\" }, hook = { once = print, each = print } }", ""},
	} {
		dir := writeProject(t, map[string]string{"app.lua": tt.app})
		want := strings.Split(tt.want, "\n")
		slices.Sort(want)
		for _, file := range []string{"app.lua", "recipe.lua"} {
			got := checkProject(t, dir, file)
			slices.Sort(got)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s\ncheck %s reports:\n%s\nwant\n%s", tt.app, file, strings.Join(got, "\n"), tt.want)
			}
		}
		// A run reports the same.
		_, err := recipe.Describe(t.Context(), luaAPI(t), event.NewStream(), filepath.Join(dir, "recipe.lua"), nil)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.app, err)
			}
			continue
		}
		faults := run.Faults(err)
		if len(faults) != 1 {
			t.Errorf("%s: %v", tt.app, err)
			continue
		}
		lines := strings.Split(strings.ReplaceAll(faults[0].Message, dir+string(filepath.Separator), ""), "\n")
		slices.Sort(lines)
		if strings.Join(lines, "\n") != strings.Join(want, "\n") || faults[0].Line != "" {
			t.Errorf("%s\na run reports:\n%s\nwant\n%s", tt.app, faults[0].Message, tt.want)
		}
	}
}

// TestStages lays the settings of a stage over those of app.lua.
func TestStages(t *testing.T) {
	const app = "return {\n  root = \"/app\", count = 4,\n  way = print,\n}"
	for _, tt := range []struct{ stage, want, root string }{
		{"return { root = \"/x\" }", "", "/x"},
		{"return { confirm = true }", "", "/app"},
		{"return { root = false, way = false }", "", "/srv/app"}, // does without the keys of app.lua
		{"local app = require \"app\"\nreturn { root = app.root .. \"2\" }", "", "/app2"},
		{"return {\n  count = 0,\n}", `app.staging.lua:2:3: count: want at least 1, got 0`, ""},
		{"return {\n  coutn = 2,\n}", `app.staging.lua:2:3: there is no setting "coutn" (did you mean "count"?)`, ""},
		{"return { confirm = \"yes\" }", `app.staging.lua:1:10: confirm: want true or false, got the string "yes"`, ""},
		{"return", `app.staging.lua:1:1: want a table of settings: return { … }`, ""},
		{"return {", `app.staging.lua:1:8: the file ends too early: the { that begins here has no }`, ""},
	} {
		dir := writeProject(t, map[string]string{"app.lua": app, "app.staging.lua": tt.stage})
		for _, file := range []string{"app.staging.lua", "recipe.lua"} {
			if got := strings.Join(checkProject(t, dir, file), "\n"); got != tt.want {
				t.Errorf("%s\ncheck %s reports:\n%s\nwant\n%s", tt.stage, file, got, tt.want)
			}
		}
		settings := &recipe.Settings{Stage: "staging"}
		d, err := recipe.Describe(t.Context(), luaAPI(t), event.NewStream(), filepath.Join(dir, "recipe.lua"), settings)
		switch {
		case (err != nil) != (tt.want != ""):
			t.Errorf("%s: %v", tt.stage, err)
		case err == nil && d.Options[0].Default != tt.root:
			t.Errorf("%s: got root %v, want %s", tt.stage, d.Options[0].Default, tt.root)
		case settings.Confirm != (tt.stage == "return { confirm = true }"):
			t.Errorf("%s: got confirm %v", tt.stage, settings.Confirm)
		}
	}
	dir := writeProject(t, map[string]string{"app.lua": "return { confirm = true }"})
	want := "app.lua:1:10: confirm is for the file of a stage, such as app.staging.lua"
	if got := strings.Join(checkProject(t, dir, "app.lua"), "\n"); got != want {
		t.Errorf("confirm in app.lua: got %s", got)
	}
}

// TestSettingsOfOtherFiles validates settings that another file returned first, and settings that
// are an argument of a call.
func TestSettingsOfOtherFiles(t *testing.T) {
	const pool = `return { pool = function(given)
  return validate(given, { socket = { nil, "the socket", required = true }, spare = { 1, "how many" } })
end }`
	for _, tt := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"app.lua": "local app = require \"shipped\"\napp.count = 11\nreturn app",
			"lib/shipped.lua": "return { count = 2,\n  roott = 1 }"},
			"app.lua:2:5: count: want at most 9, got 11\n" +
				"lib/shipped.lua:2:3: there is no setting \"roott\" (did you mean \"root\"?)"},
		{map[string]string{"lib/pool.lua": pool,
			"app.lua": "local pool = require(\"pool\").pool({ socket = \"/x\",\n  spair = 1 })\n" +
				"return { hook = pool and print }"},
			"app.lua:2:3: there is no setting \"spair\" (did you mean \"spare\"?)"},
		{map[string]string{"lib/pool.lua": pool,
			"app.lua": "local pool = require(\"pool\").pool {\n}\nreturn { hook = pool and print }"},
			"app.lua:1:35: socket is missing: the socket"},
		{map[string]string{"lib/pool.lua": pool,
			"app.lua": "local given = {}\ngiven.socket = 5\nlocal pool = require(\"pool\").pool(given)\n" +
				"return { hook = pool and print }"},
			"app.lua:2:7: socket: want a string, got the number 5"},
		{map[string]string{"lib/pool.lua": pool,
			"app.lua": "local function made() return { socket = 5 } end\n" +
				"local pool = require(\"pool\").pool(made())\nreturn { hook = pool and print }"},
			"app.lua:2:1: socket: want a string, got the number 5"},
	} {
		dir := writeProject(t, tt.files)
		if got := strings.Join(checkProject(t, dir, "recipe.lua"), "\n"); got != tt.want {
			t.Errorf("%v\ngot\n%s\nwant\n%s", tt.files, got, tt.want)
		}
	}
}

// TestFilesOfLib checks files in lib, by the recipes that require them: their
// settings are validated, too.
func TestFilesOfLib(t *testing.T) {
	dir := writeProject(t, map[string]string{"app.lua": "return require \"shipped\"",
		"lib/shipped.lua": "return { count = 11 }"})
	for file, want := range map[string]string{
		"lib/declared.lua": "lib/shipped.lua:1:10: count: want at most 9, got 11",
		"lib/shipped.lua":  "lib/shipped.lua:1:10: count: want at most 9, got 11",
		"app.lua":          "lib/shipped.lua:1:10: count: want at most 9, got 11",
	} {
		if got := checkProject(t, dir, file); strings.Join(got, "\n") != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

// TestDeclarationsOfSettings reports mistakes in a declaration at its line. A library may
// only read declared settings.
func TestDeclarationsOfSettings(t *testing.T) {
	for line, want := range map[string]string{
		`return validate({}, { root = { "x", "", type = "strin" } })`: `lib/declared.lua:1:1: option root: ` +
			`type: want one of boolean, duration,`,
		`return validate({}, { root = { "x", "", type = "integer" } })`: `lib/declared.lua:1:1: option root: ` +
			`default: want a whole number, got the string "x"`,
		`return validate({}, { root = { "x", "", type = "string|number", min = 1 } })`: ``,
		`return validate({}, { root = { "x", "", typ = "string" } })`: `unknown option "typ" ` +
			`(did you mean "type"?)`,
		`recipe { options = { hook = { nil, "x", type = "function" } } }`: `option hook: a flag can't be a function`,
		`recipe { options = { n = { 1, "x", check = print } } }`:          `option n: check is for validate`,
		`local app = validate({}, { root = { "x", "" } }) ` +
			`return { root = app.root, count = app.rot }`: ``,
	} {
		dir := writeProject(t, map[string]string{"app.lua": "return {}", "lib/declared.lua": line})
		got := strings.Join(checkProject(t, dir, "recipe.lua"), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", line, got, want)
		}
	}
	for line, want := range map[string]string{
		`print(app.rot)`: `there is no setting "rot" (did you mean "root"?)`,
		`app.rot = 1`:    `there is no setting "rot" (did you mean "root"?)`,
		`app.hook = print print(app.hook ~= nil, app.way, app.within, #app.keys, app.count)`: ``,
	} {
		dir := writeProject(t, map[string]string{"app.lua": "return { count = 4 }",
			"recipe.lua": "local app = require \"declared\"\n" + line + "\nrecipe {}\n"})
		_, err := recipe.Describe(t.Context(), luaAPI(t), event.NewStream(), filepath.Join(dir, "recipe.lua"), nil)
		if want == "" && err != nil || want != "" &&
			(err == nil || !strings.Contains(err.Error(), "recipe.lua:2: "+want)) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

// TestManyMistakes reports all mistakes, however many there are.
func TestManyMistakes(t *testing.T) {
	var app strings.Builder
	app.WriteString("return {\n")
	for i := range 50 {
		fmt.Fprintf(&app, "  wrong%d = 1,\n", i)
	}
	dir := writeProject(t, map[string]string{"app.lua": app.String() + "}"})
	if got := checkProject(t, dir, "app.lua"); len(got) != 50 ||
		got[49] != `app.lua:51:3: there is no setting "wrong49"` {
		t.Errorf("%d lines, the last one: %s", len(got), got[len(got)-1])
	}
}

// TestDurationsInLua parses durations by lib/helpers.lua, which must agree with Go.
func TestDurationsInLua(t *testing.T) {
	texts := []string{"0", "0s", "90s", "1m30s", "1h2m3.5s", "250ms", "1.5h", ".5s", "+5s", "10us", "10µs", "10μs",
		"7ns", "-0s", "1m1m"}
	within := recipe.Option{Kinds: []recipe.Kind{recipe.Duration}}
	source := "local helpers = require \"helpers\"\n"
	for _, text := range texts {
		d, err := time.ParseDuration(text)
		if _, refused := within.Parse([]string{text}); err != nil || refused != nil {
			t.Errorf("%q: %v, refused: %v", text, err, refused)
		}
		source += fmt.Sprintf("print(math.abs(helpers.seconds(%q) - %.12f) < 1e-12, %q)\n", text, d.Seconds(), text)
	}
	for _, text := range []string{"", "5", "-5s", "5 s", "s", "1d", "1.2.3s", "1m-5s"} {
		if _, refused := within.Parse([]string{text}); refused == nil {
			t.Errorf("%q is accepted as a duration", text)
		}
	}
	lua, err := os.ReadFile("../../recipes/lib/helpers.lua")
	if err != nil {
		t.Fatal(err)
	}
	dir := writeProject(t, map[string]string{"lib/helpers.lua": string(lua), "try.lua": source})
	printed := 0
	world, err := run.NewWorld(run.WorldOptions{Stream: event.NewStream(), Print: func(_ context.Context, text string) {
		printed++
		if !strings.HasPrefix(text, "true") {
			t.Error(text)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(world.RunFile(t.Context(), filepath.Join(dir, "try.lua")), world.Close(t.Context(), nil))
	if err != nil || printed != len(texts) {
		t.Errorf("%v, %d lines", err, printed)
	}
}

// FuzzSettings checks any app.lua. Every problem must be at a line of the file.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		"return { roott = 1 }", "local app = {}\napp.root = 5\nreturn app", "return setmetatable({ root = 5 }, {})",
		"return { keys = { 1,\n2 } }",
		"local app = {}\nfunction app.root() end\nreturn app", "return { [\"root\"] = 5, hook = { onec = print } }",
		"return", "return {}, {}", "#!x\nreturn { 5 }",
		"local a, app = {}, { root = 1 }\napp.a, app.count = 1\nreturn app", "return require \"app\"",
		"return { root = { root = {} }, hook = { once = 5 } }",
	} {
		f.Add(seed)
	}
	dir := writeProject(f, nil)
	path := filepath.Join(dir, "app.lua")
	f.Fuzz(func(t *testing.T, app string) {
		if err := os.WriteFile(path, []byte(app), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		problems, err := recipe.Check(ctx, luaAPI(t), event.NewStream(), []string{path})
		if err != nil { // an endless file
			return
		}
		lines := strings.Count(app, "\n") + strings.Count(app, "\r") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines && p.File == path || p.Message == "" {
				t.Errorf("%d lines: %v", lines, p)
			}
		}
	})
}
