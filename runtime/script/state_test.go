package script_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/internal/scripttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runSource runs a recipe and returns what it printed.
func runSource(t testing.TB, ctx context.Context, hosts int, files map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	outside := filepath.Join(t.TempDir(), "outside.sh")
	if err := os.WriteFile(outside, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, "link.sh"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s, err := scripttest.Library(t).NewState(event.NewStream(),
		script.StateOptions{Print: func(_ context.Context, text string) { fmt.Fprintln(&out, text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var list []*scripttest.Host
	for i := range hosts {
		list = append(list, &scripttest.Host{Name: fmt.Sprintf("web%d", i+1)})
	}
	if err := s.SetGlobal("hosts", list); err != nil {
		t.Fatal(err)
	}
	err = s.Run(ctx, "r.lua")
	return out.String(), err
}

func TestRecipes(t *testing.T) {
	for _, tt := range []struct{ name, source, want, err string }{
		{"fields and methods",
			`print(hosts[1].name, hosts[1]:run("x", {cwd="/", timeout="2m", mode="fast", check=false}).stdout)`,
			"web1\tweb1 x / 2m0s fast false\n", ""},
		{"defaults", `print(hosts[1]:run("x").stdout)`, "web1 x  5s  true\n", ""},
		{"groups", `print(hosts[1].fs:read("/a"))`, "web1/a\n", ""},
		{"same object", `print(hosts[1] == hosts[1])`, "true\n", ""},
		{"callback result", `print(step("s", function() return 7 end))`, "7\n", ""},
		{"pcall hands the error over",
			`local ok, e = pcall(function() hosts[1]:run("fail") end) print(ok, e, e.message)`,
			"false\tr.lua:1: host:run: broken\tbroken\n", ""},
		{"pcall keeps shared locals", `local n = 0
local function inc() n = n + 1 end
pcall(function() inc() error("y") end)
inc() n = n + 10 inc()
print(n)`, "13\n", ""},
		{"xpcall", `print(xpcall(function() error("y", 0) end, function(e) return "handled " .. e end))`,
			"false\thandled y\n", ""},
		{"coroutine", `local co = coroutine.wrap(function() coroutine.yield(hosts[1]:run("a").stdout) return 2 end) ` +
			`print(co(), co())`, "web1 a  5s  true\t2\n", ""},
		{"sort", `local t = {3, 1, 2} table.sort(t, function(a, b) hosts[1]:run("x") return a < b end) ` +
			`print(t[1], t[3])`, "1\t3\n", ""},
		{"a call by name in a list", `local function f() return 1, 2 end
local t = { "a", x = f() }
print(#t, t.x, #{ "a", f() })`, "1\t1\t3\n", ""},
		{"a loop over a method of a call's field", `local t = { text = "ab", inner = { text = "c" } }
local function f() return t end
for c in f().text:gmatch(".") do print(c) end
for c in f().inner["te" .. "xt"]:gmatch(".") do print(c) end`, "a\nb\nc\n", ""},
		{"an iterator of gmatch alone",
			`local words = ("a=1 b=2"):gmatch("(%a)=(%d)") print(words()) print(words()) print(words() == nil)`,
			"a\t1\nb\t2\ntrue\n", ""},
		{"require", `print(require "lib1".x, require "lib1" == require "lib1")`, "5\ttrue\n", ""},
		{"script", `print(hosts[1]:script("look.sh", "a b", 1, { "c", 2 }, { changes = false }))`,
			`look.sh lib/look.sh "text" ["a b" "1" "c" "2"] false` + "\n", ""},
		{"script without options", `print(hosts[1]:script("look.sh", {}))`, `look.sh lib/look.sh "text" [] true` + "\n",
			""},

		{"script missing", `hosts[1]:script("lok.sh")`, "",
			`r.lua:1: host:script: there is no file "lok.sh": neither lok.sh nor lib/lok.sh exists ` +
				`(did you mean "look.sh"?)`},
		{"script outside", `hosts[1]:script("../look.sh")`, "", `"../look.sh" is not a file of the project`},
		{"script absolute", `hosts[1]:script("/bin/sh")`, "", `"/bin/sh" is not a file of the project`},
		{"script by a link outside", `hosts[1]:script("link.sh")`, "", `link.sh is a link to `},
		{"script with nil", `hosts[1]:script("look.sh", nil, "x")`, "",
			`args: argument 1: want a string, a number or a list of them, got nil`},
		{"script with a nested list", `hosts[1]:script("look.sh", { {} })`, "",
			`args: argument 1: want a list of strings and numbers`},
		{"script with options first", `hosts[1]:script("look.sh", { changes = false }, "x")`, "", `options come last`},
		{"script with a misspelt option", `hosts[1]:script("look.sh", { chagnes = false })`, "",
			`unknown option "chagnes" (did you mean "changes"?)`},
		{"misspelt option", `hosts[1]:run("x", {tiemout="1s"})`, "",
			`r.lua:1: host:run: unknown option "tiemout" (did you mean "timeout"?)`},
		{"wrong type", `hosts[1]:run("x", {cwd=1})`, "", `r.lua:1: host:run: cwd: want a string, got the number 1`},
		{"duration without unit", `hosts[1]:run("x", {timeout=30})`, "",
			`r.lua:1: host:run: timeout: want a duration with its unit, such as "30s", got the number 30`},
		{"choice", `hosts[1]:run("x", {mode="fsat"})`, "",
			`r.lua:1: host:run: mode: want one of fast, slow, got "fsat" (did you mean "fast"?)`},
		{"missing argument", `hosts[1]:run()`, "", `r.lua:1: host:run: cmd is missing: what to run`},
		{"surplus argument", `hosts[1]:run("x", {}, 3)`, "",
			`r.lua:1: host:run: want (cmd, [{ cwd, timeout, mode, check }]), got 3 arguments`},
		{"dot for colon", `hosts[1].run("x")`, "",
			`r.lua:1: host:run: called without its host; write host:run(…) with a colon`},
		{"colon for dot", `log:info("x")`, "", `r.lua:1: log.info: called with a colon; write log.info(…) with a dot`},
		{"unknown method", `hosts[1]:runn("x")`, "",
			`r.lua:1: host has no "runn" (did you mean "run"?); it has name, run, script, wait, fs`},
		{"unknown in a group", `hosts[1].fs:raed("x")`, "",
			`r.lua:1: host.fs has no "raed" (did you mean "read"?); it has read`},
		{"result field", `print(hosts[1]:run("x").stdut)`, "",
			`r.lua:1: there is no "stdut" in this result (did you mean "stdout"?); it has code, stdout`},
		{"global read", `print(hots)`, "", `r.lua:1: undeclared global "hots" (did you mean "hosts"?)`},
		{"global set", "x = 1", "", `r.lua:1: undeclared global "x" is set; write: local x = …`},
		{"no io", `io.open("/etc/passwd")`, "", `r.lua:1: undeclared global "io"`},
		{"no load", `loadstring("x")`, "", `r.lua:1: undeclared global "loadstring"`},
		{"no os.execute", `os.execute("x")`, "", `r.lua:1: os has no "execute"; it has clock, date`},
		{"set host field", `hosts[1].name = "x"`, "",
			`r.lua:1: a host can't be changed; keep your own values in a local`},
		{"raised", `error("no way")`, "", `r.lua:1: no way`},
		{"nil index", "local t\nprint(t.x)", "", `r.lua:2: `},
		{"syntax", "local x = = 1", "", `r.lua:1:11: syntax error near "="`},
		{"too short", "if true then\nprint(1)\n", "",
			`r.lua:1:1: the file ends too early: the if that begins here has no end`},
		{"goto nowhere", "break", "", `r.lua:1:1: no loop to break`},
		{"require missing", `require "nosuch"`, "",
			`r.lua:1: require: there is no module "nosuch": neither nosuch.lua nor lib/nosuch.lua exists`},
		{"require outside", `require "../x"`, "", `r.lua:1: require: "../x" is not a module name`},
		{"require a loop", `require "loop"`, "", `requires itself`},
		{"yield in step", `coroutine.wrap(function() step("s", function() coroutine.yield(1) end) end)()`, "",
			`coroutine.yield can't leave a function`},
		{"self-holding table", `local t = {} t.t = t hosts[1]:run(t)`, "", `does it contain itself?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := runSource(t, t.Context(), 1,
				map[string]string{"r.lua": tt.source, "lib/lib1.lua": "return { x = 5 }", "loop.lua": `require "loop"`,
					"lib/look.sh": "text"})
			if out != tt.want {
				t.Errorf("printed %q, want %q", out, tt.want)
			}
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("error %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %s", err, tt.err)
			}
		})
	}
}

func TestErrorsKeepTheirCauseAndChain(t *testing.T) {
	_, err := runSource(t, t.Context(), 1, map[string]string{
		"r.lua": "local lib1 = require \"lib1\"\n" +
			"step(\"s\", function()\n  local ok, e = pcall(lib1.go, hosts[1])\n  error(e)\nend)",
		"lib/lib1.lua": "local function go(host)\n  host:run(\"fail\")\nend\nreturn { go = go }",
	})
	var e *script.Error
	if !errors.As(err, &e) || !errors.Is(err, scripttest.ErrBroken) {
		t.Fatalf("error %v is not the primitive's", err)
	}
	if e.Line != "lib/lib1.lua:2" || e.Call != "host:run" || strings.Join(e.Chain(), " ") != "r.lua:2" {
		t.Errorf("line %s, call %s, chain %v", e.Line, e.Call, e.Chain())
	}
}

// TestTurns runs pcall, sort, gsub and coroutines across waits for many hosts, which must not mix
// up their locals.
func TestTurns(t *testing.T) {
	out, err := runSource(t, t.Context(), 200, map[string]string{"r.lua": `
local done = 0
each(hosts, function(host)
  local mine = host.name
  for i = 1, 5 do
    local r = host:run("x")
    assert(r.stdout:match("^" .. mine .. " "), r.stdout)
    local ok = pcall(function() host:run("fail") end)
    assert(not ok)
    local t = {3, 1, 2}
    table.sort(t, function(a, b) host:run("s") return a < b end)
    local s = ("abc"):gsub("%w", function(c) return host.fs:read(c) end)
    assert(s == mine .. "a" .. mine .. "b" .. mine .. "c", s)
    local co = coroutine.wrap(function() coroutine.yield(host:run("y").stdout) end)
    assert(co():match("^" .. mine .. " "))
    assert(mine == host.name)
  end
  done = done + 1
end)
print(done)`})
	if err != nil || out != "200\n" {
		t.Fatalf("printed %q, error %v", out, err)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	out, err := runSource(t, ctx, 1,
		map[string]string{"r.lua": `pcall(function() hosts[1]:wait() end) print("went on") while true do end`})
	if !errors.Is(err, stop) || out != "" {
		t.Errorf("printed %q, error %v, want %v", out, err, stop)
	}
}

func TestEval(t *testing.T) {
	v, err := script.Eval(t.Context(), "h.lua", []byte(`return { user = "a", { name = "b", tags = {"x"} }, "c" }`))
	want := script.Table{Fields: map[string]any{"user": "a"},
		List: []any{script.Table{Fields: map[string]any{"name": "b", "tags": script.Table{List: []any{"x"}}}}, "c"}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v, %v", v, err)
	}
	for source, want := range map[string]string{
		"return os.time()": `h.lua:1: undeclared global "os"`, "require 'x'": `h.lua:1: undeclared global "require"`,
		"return {": "h.lua:1:8: the file ends too early", "error('x')": "h.lua:1: x",
	} {
		if _, err := script.Eval(t.Context(), "h.lua", []byte(source)); err == nil ||
			!strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", source, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := script.Eval(ctx, "h.lua", []byte("while true do end")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless file: %v", err)
	}
}
