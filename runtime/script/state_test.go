package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is the object that these tests register; real ones are *ssh.Host.
type server struct{ name string }

type runArgs struct {
	Cmd     any           `lua:"cmd,arg" doc:"what to run"`
	Cwd     string        `lua:"cwd" doc:"where"`
	Timeout time.Duration `lua:"timeout" doc:"how long" default:"5s"`
	Mode    string        `lua:"mode" doc:"how" choices:"fast slow"`
	Check   bool          `lua:"check" doc:"raise on failure" default:"true"`
}

type runResult struct {
	Code   int    `lua:"code"`
	Stdout string `lua:"stdout"`
}

type eachArgs struct {
	Hosts  []*server `lua:"hosts,arg" doc:"the hosts"`
	AtOnce int       `lua:"at_once" doc:"how many at once" default:"1"`
	Fn     Callback  `lua:"fn,arg" doc:"what to do" passes:"host"`
}

type nothing struct{}

var errBroken = errors.New("broken")

func testLibrary(t testing.TB) *Library {
	t.Helper()
	lib, err := NewLibrary([]Object{{Name: "host", Type: reflect.TypeFor[*server](), Doc: "a server"}},
		Module{On: "host", Doc: "a host's own", Fields: []Field{
			{Name: "name", Type: "string", Doc: "its name", Get: func(h any) any { return h.(*server).name }},
		}, Primitives: []Primitive{
			Func("run", Changes, "runs", func(ctx context.Context, h *server, a runArgs) (runResult, error) {
				if a.Cmd == "fail" {
					return runResult{}, errBroken
				}
				return runResult{Stdout: fmt.Sprint(h.name, " ", a.Cmd, " ", a.Cwd, " ", a.Timeout, " ", a.Mode, " ", a.Check)}, nil
			}),
			Func("wait", Reads, "gives up the turn until all have come", func(ctx context.Context, h *server, a nothing) (None, error) {
				<-ctx.Done()
				return None{}, ctx.Err()
			}),
		}},
		Module{Name: "fs", On: "host", Doc: "files", Primitives: []Primitive{
			Func("read", Reads, "reads", func(ctx context.Context, h *server, a struct {
				Path string `lua:"path,arg" doc:"which"`
			}) (string, error) {
				return h.name + a.Path, nil
			}),
		}},
		Module{Name: "log", Doc: "says", Primitives: []Primitive{
			Func("info", Pure, "says", func(ctx context.Context, _ None, a struct {
				Text string `lua:"text,arg" doc:"what"`
			}) (None, error) {
				return None{}, nil
			}),
		}},
		Module{Doc: "globals", Fields: []Field{{Name: "hosts", Type: "host[]", Doc: "the hosts"}}, Primitives: []Primitive{
			Func("step", Reads, "a step", func(ctx context.Context, _ None, a struct {
				Title string   `lua:"title,arg" doc:"its title"`
				Fn    Callback `lua:"fn,arg" doc:"what to do"`
			}) (any, error) {
				return a.Fn.Call(ctx)
			}),
			Func("each", Reads, "for each host", func(ctx context.Context, _ None, a eachArgs) (None, error) {
				var wg sync.WaitGroup
				errs := make([]error, len(a.Hosts))
				for i, h := range a.Hosts {
					wg.Go(func() { _, errs[i] = a.Fn.Thread(ctx, h) })
				}
				wg.Wait()
				return None{}, errors.Join(errs...)
			}),
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

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
	var out strings.Builder
	s, err := testLibrary(t).NewState(StateOptions{Print: func(_ context.Context, text string) { fmt.Fprintln(&out, text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var list []*server
	for i := range hosts {
		list = append(list, &server{fmt.Sprintf("web%d", i+1)})
	}
	if err := s.SetGlobal("hosts", list); err != nil {
		t.Fatal(err)
	}
	err = s.Run(ctx, "r.lua")
	return out.String(), err
}

func TestRecipes(t *testing.T) {
	for _, tt := range []struct{ name, source, want, err string }{
		{"fields and methods", `print(hosts[1].name, hosts[1]:run("x", {cwd="/", timeout="2m", mode="fast", check=false}).stdout)`, "web1\tweb1 x / 2m0s fast false\n", ""},
		{"defaults", `print(hosts[1]:run("x").stdout)`, "web1 x  5s  true\n", ""},
		{"groups", `print(hosts[1].fs:read("/a"))`, "web1/a\n", ""},
		{"same object", `print(hosts[1] == hosts[1])`, "true\n", ""},
		{"callback result", `print(step("s", function() return 7 end))`, "7\n", ""},
		{"pcall hands the error over", `local ok, e = pcall(function() hosts[1]:run("fail") end) print(ok, e, e.message)`, "false\tr.lua:1: host:run: broken\tbroken\n", ""},
		{"pcall keeps shared locals", `local n = 0
local function inc() n = n + 1 end
pcall(function() inc() error("y") end)
inc() n = n + 10 inc()
print(n)`, "13\n", ""},
		{"xpcall", `print(xpcall(function() error("y", 0) end, function(e) return "handled " .. e end))`, "false\thandled y\n", ""},
		{"coroutine", `local co = coroutine.wrap(function() coroutine.yield(hosts[1]:run("a").stdout) return 2 end) print(co(), co())`, "web1 a  5s  true\t2\n", ""},
		{"sort", `local t = {3, 1, 2} table.sort(t, function(a, b) hosts[1]:run("x") return a < b end) print(t[1], t[3])`, "1\t3\n", ""},
		{"a call by name in a list", `local function f() return 1, 2 end
local t = { "a", x = f() }
print(#t, t.x, #{ "a", f() })`, "1\t1\t3\n", ""},
		{"require", `print(require "lib1".x, require "lib1" == require "lib1")`, "5\ttrue\n", ""},

		{"misspelt option", `hosts[1]:run("x", {tiemout="1s"})`, "", `r.lua:1: host:run: unknown option "tiemout" (did you mean "timeout"?)`},
		{"wrong type", `hosts[1]:run("x", {cwd=1})`, "", `r.lua:1: host:run: cwd: want a string, got the number 1`},
		{"duration without unit", `hosts[1]:run("x", {timeout=30})`, "", `r.lua:1: host:run: timeout: want a duration with its unit, such as "30s", got the number 30`},
		{"choice", `hosts[1]:run("x", {mode="fsat"})`, "", `r.lua:1: host:run: mode: want one of fast, slow, got "fsat" (did you mean "fast"?)`},
		{"missing argument", `hosts[1]:run()`, "", `r.lua:1: host:run: cmd is missing: what to run`},
		{"surplus argument", `hosts[1]:run("x", {}, 3)`, "", `r.lua:1: host:run: 3 arguments are too many; it takes (cmd, [{ cwd, timeout, mode, check }])`},
		{"dot for colon", `hosts[1].run("x")`, "", `r.lua:1: host:run: called without its host; write host:run(…) with a colon`},
		{"colon for dot", `log:info("x")`, "", `r.lua:1: log.info: called with a colon; write log.info(…) with a dot`},
		{"unknown method", `hosts[1]:runn("x")`, "", `r.lua:1: host has no "runn" (did you mean "run"?); it has name, run, wait, fs`},
		{"unknown in a group", `hosts[1].fs:raed("x")`, "", `r.lua:1: host.fs has no "raed" (did you mean "read"?); it has read`},
		{"result field", `print(hosts[1]:run("x").stdut)`, "", `r.lua:1: there is no "stdut" in this result (did you mean "stdout"?); it has code, stdout`},
		{"global read", `print(hots)`, "", `r.lua:1: undeclared global "hots" (did you mean "hosts"?)`},
		{"global set", "x = 1", "", `r.lua:1: undeclared global "x" is set; write: local x = …`},
		{"no io", `io.open("/etc/passwd")`, "", `r.lua:1: undeclared global "io"`},
		{"no load", `loadstring("x")`, "", `r.lua:1: undeclared global "loadstring"`},
		{"no os.execute", `os.execute("x")`, "", `r.lua:1: os has no "execute"; it has clock, date`},
		{"set host field", `hosts[1].name = "x"`, "", `r.lua:1: a host can't be changed; keep your own values in a local`},
		{"raised", `error("no way")`, "", `r.lua:1: no way`},
		{"nil index", "local t\nprint(t.x)", "", `r.lua:2: `},
		{"syntax", "local x = = 1", "", `r.lua:1:11: syntax error near "="`},
		{"too short", "if true then\nprint(1)\n", "", `r.lua:1:1: the file ends too early: the if that begins here has no end`},
		{"goto nowhere", "break", "", `r.lua:1:1: no loop to break`},
		{"require missing", `require "nosuch"`, "", `r.lua:1: require: there is no module "nosuch": neither nosuch.lua nor lib/nosuch.lua exists`},
		{"require outside", `require "../x"`, "", `r.lua:1: require: "../x" is no module name`},
		{"require a loop", `require "loop"`, "", `requires itself`},
		{"yield in step", `coroutine.wrap(function() step("s", function() coroutine.yield(1) end) end)()`, "", `coroutine.yield can't leave a function`},
		{"self-holding table", `local t = {} t.t = t hosts[1]:run(t)`, "", `does it hold itself?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := runSource(t, t.Context(), 1, map[string]string{"r.lua": tt.source, "lib/lib1.lua": "return { x = 5 }", "loop.lua": `require "loop"`})
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
		"r.lua":        "local lib1 = require \"lib1\"\nstep(\"s\", function()\n  local ok, e = pcall(lib1.go, hosts[1])\n  error(e)\nend)",
		"lib/lib1.lua": "local function go(host)\n  host:run(\"fail\")\nend\nreturn { go = go }",
	})
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, errBroken) {
		t.Fatalf("error %v is not the primitive's", err)
	}
	if e.Line != "lib/lib1.lua:2" || e.Call != "host:run" || strings.Join(e.Chain(), " ") != "r.lua:2" {
		t.Errorf("line %s, call %s, chain %v", e.Line, e.Call, e.Chain())
	}
}

// Many hosts, each with pcall, sort, gsub and coroutines across waits, must not mix up their locals.
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
	out, err := runSource(t, ctx, 1, map[string]string{"r.lua": `pcall(function() hosts[1]:wait() end) print("went on") while true do end`})
	if !errors.Is(err, stop) || out != "" {
		t.Errorf("printed %q, error %v, want %v", out, err, stop)
	}
}

func TestEval(t *testing.T) {
	v, err := Eval(t.Context(), "h.lua", []byte(`return { user = "a", { name = "b", tags = {"x"} }, "c" }`))
	want := Table{Fields: map[string]any{"user": "a"}, List: []any{Table{Fields: map[string]any{"name": "b", "tags": Table{List: []any{"x"}}}}, "c"}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v, %v", v, err)
	}
	for source, want := range map[string]string{
		"return os.time()": `h.lua:1: undeclared global "os"`, "require 'x'": `h.lua:1: undeclared global "require"`,
		"return {": "h.lua:1:8: the file ends too early", "error('x')": "h.lua:1: x",
	} {
		if _, err := Eval(t.Context(), "h.lua", []byte(source)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", source, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Eval(ctx, "h.lua", []byte("while true do end")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless file: %v", err)
	}
}
