package shell

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
)

// lua runs a recipe on a host named host, which is this machine.
func lua(t *testing.T, source string) error {
	t.Helper()
	h := newPool(t, Options{}).Localhost()
	h.target = inventory.Host{Name: "web1", Address: "192.0.2.1", Port: 22, User: "deploy", Tags: []string{"web"},
		Vars: map[string]any{"processes": float64(4)}}
	return luaOn(t, t.Context(), h, source, t.TempDir())
}

// luaOn runs a recipe in dir on a host named host.
func luaOn(t *testing.T, ctx context.Context, h *Host, source, dir string) error {
	t.Helper()
	path := filepath.Join(dir, "recipe.lua")
	must(t, os.WriteFile(path, []byte(source), 0o600))
	globals := script.Module{Doc: "what the test needs",
		Fields: []script.Field{{Name: "host", Type: "host", Doc: "this machine"}}, Primitives: []script.Primitive{
			script.Func("equal", script.Pure, "Compares.", func(_ context.Context, _ script.None, a struct {
				Got  any `lua:"got,arg,optional" doc:"what is"`
				Want any `lua:"want,arg,optional" doc:"what should be"`
			}) (script.None, error) {
				if !reflect.DeepEqual(a.Got, a.Want) {
					return script.None{}, errors.New("not equal")
				}
				return script.None{}, nil
			}),
		}}
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*Host](), Doc: "a server"}},
		globals, Module())
	must(t, err)
	state, err := lib.NewState(event.NewStream(), script.StateOptions{})
	must(t, err)
	must(t, state.SetGlobal("host", h))
	return state.Run(ctx, path)
}

func TestLua(t *testing.T) {
	dir := t.TempDir()
	must(t, lua(t, `
equal(host.name .. host.address .. host.port .. host.user .. host.tags[1] .. host.vars.processes,
  "web1192.0.2.122deployweb4")
local r = host:run("echo out; echo err >&2; exit 3", { check = false })
equal(r.code, 3) equal(r.ok, false) equal(r.stdout, "out\n") equal(r.stderr, "err\n") equal(r.seconds > 0, true)
equal(host:capture({ "printf", "%s-%s", "a b", 7 }), "a b-7")
equal(host:capture({ { "printf", "%s-%s-%s" }, "a b", { 7, "c" }, {} }), "a b-7-c")
equal(host:capture("cat; pwd; echo $A", { stdin = "in ", cwd = "/usr", env = { A = "x" } }), "in /usr\nx")
equal(host:test("true"), true) equal(host:test("exit 9"), false)
equal(host:test("command -v nosuch"), false) equal(host:test("command -v nosuch >/dev/null 2>&1"), false)
equal(host:test({ "command", "-v", "sh" }), true)
equal(host:test("false | true"), true) equal(host:test("false | true", { pipefail = true }), false)
local arguments = host:capture("set -- 1 2; echo $runbook_line$#",
  { pipefail = true, cwd = "/", env = { A = "it's" } })
equal(arguments:match("%d$"), "2")
equal(host:capture("false; echo ' x '; false", { check = false }), "x")
host:run({ "touch", "`+dir+`/a" })
host:lock("`+dir+`/lock", { wait = "1s" })
`))
	for source, want := range map[string]string{
		`host:run("exit 4")`:                 "exited 4: exit 4",
		`host:run({ "sh", "-c", "exit 4" })`: "exited 4: sh -c 'exit 4'",
		`host:run("")`:                       "empty",
		`host:run({})`:                       "empty",
		`host:run({ "a", true })`:            "word 2: want a string, a number or a list of them, got true",
		`host:run({ "a", { { "b" } } })`: "word 2: word 1: " +
			"want a string, a number or a list of them, got a table",
		`host:run({ { b = "c" } })`: "word 1: " +
			"want a list of words, got a table with the name \"b\" in it",
		`host:run({ {} })`:                              "empty",
		`host:run({ a = "b" })`:                         "list of words",
		`host:run(true)`:                                "a string for /bin/sh or a list",
		`host:run("true", { tiemout = "1s" })`:          "timeout",
		`host:run("true", { sudo = 1 })`:                "true (for root)",
		`host:run("true", { sudo = "" })`:               "empty",
		`host:run("sleep 9", { timeout = "200ms" })`:    "longer than 200ms",
		`host:test("sleep 9", { timeout = "200ms" })`:   "longer than 200ms",
		`host:lock("")`:                                 "path",
		`host:run("echo long", { max = 4 })`:            "stdout: more than 4 bytes",
		`host:capture("echo long >&2", { max = 4 })`:    "stderr: more than 4 bytes",
		`host:run("true", { max = 0 })`:                 "above 0",
		`host:run("true", { retries = -1 })`:            "from 0 on",
		`host:run("false | true", { pipefail = true })`: "exited 1",
		`host:run({ "true" }, { pipefail = true })`:     "has no pipe in it",
		`host:test("exit 126")`:                         "exited 126",
		`host:test({ "/nosuch/program" })`:              "exited 127",
		`host:test("true", { cwd = "/nosuch" })`:        "exited 126: cd /nosuch && true",
		`host:test("command -v nosuch; exit 127")`:      "exited 127",
	} {
		if err := lua(t, source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}
