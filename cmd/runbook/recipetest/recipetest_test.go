package recipetest_test

import (
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/event"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// words puts failures into words for these tests.
func words(err error) (text, hint string) {
	var lines []string
	for _, f := range run.Faults(err) {
		lines = append(lines, f.Message+" @"+f.Line)
		hint += f.Hint
	}
	return strings.Join(lines, "\n"), hint
}

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func luaAPI(t *testing.T) recipe.API {
	t.Helper()
	api, err := recipetest.API()
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// tested runs the tests in a folder and returns their outcomes, by title and in order.
func tested(t *testing.T, dir string, opts recipetest.Options) (map[string]recipetest.Outcome, []recipetest.Outcome) {
	t.Helper()
	files, err := recipetest.Files([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := recipe.Refuse(t.Context(), luaAPI(t), event.NewStream(), files); err != nil {
		t.Fatal(err)
	}
	opts.Stream, opts.Explain, opts.AtOnce = event.NewStream(), words, 3
	by, all := map[string]recipetest.Outcome{}, []recipetest.Outcome{}
	err = recipetest.Run(t.Context(), files, opts, func(o recipetest.Outcome) {
		by[o.Title] = o
		all = append(all, o)
	})
	if err != nil {
		t.Fatal(err)
	}
	return by, all
}

const note = `
local options = recipe({ summary = "leave a note", options = {
  text = { "hello", "what to write" },
  tags = { {}, "more" },
  bold = { false, "so" },
  n = { 1, "a number", max = 9 },
} })
each(hosts, function(host)
  local path = host.vars.root .. "/note"
  host:on_failure(function() host.fs:remove(path); host:result({ state = "removed" }) end)
  step("write the note", function()
    host.fs:write(path, options.text .. table.concat(options.tags, "+") .. tostring(options.bold) .. options.n)
  end)
  step("show it", function() print(host.name .. ": " .. host.fs:read(path)) end)
end)
`

// failing has a test for every expectation. A line with "--> TEXT" must fail with that text, and
// name its line.
const failing = `
test("passes", function()
  local hosts = lab.hosts({ "a", "b" })
  local result = run("note.lua", { text = "x", tags = { "1", "2" }, bold = true, n = 3 })
  expect.status(result, 0)
  expect.equal(result.hosts, { a = { state = "done" }, b = { state = "done" } })
  expect.contains(result.stdout, "a: x1+2true3\n")
  expect.equal(expect.file(hosts[2], "note"), "x1+2true3")
  expect.file(hosts[1], hosts[1].vars.root, {})
  local e = expect.event(result, { kind = "step_ended", host = "b", step = "write the note" })
  expect.equal(e.host, "b")
  hosts[1].fs:write(hosts[1].vars.root .. "/releases.log", '{"action":"x"}\n{"action":"y","from":"z"}\n')
  expect.equal(expect.log(hosts[1], { action = "y" }).from, "z")
  local planned = run("./note.lua", { text = "new" }, { only = { "a" }, dry_run = true })
  expect.equal(planned.hosts, { a = { state = "would change" } })
end)
test("a step that is made to fail", function()
  local hosts = lab.hosts({ "a", "b" })
  lab.fail("show", { host = "a", message = "no paper" })
  local result = run("note.lua")
  expect.status(result, 1)
  expect.equal(result.hosts, { a = { state = "removed" }, b = { state = "not touched" } })
  expect.contains(result.error, "no paper")
  expect.absent(hosts[1], "note")
  expect.status(run("note.lua"), 0)
end)
test("a step that isn't there", function()
  lab.hosts({ "a" })
  lab.fail("shaw it") --> lab.fail: no step "shaw it" began (did you mean "show it"?)
  run("note.lua")
end)
test("status", function()
  expect.status(run("note.lua", { n = 10 }), 0) --> expect.status: the run of DIR/note.lua ended with status 2 instead of 0:
end)
test("option", function()
  local result = run("note.lua", { txet = "x" })
  expect.status(result, 2)
  expect.equal(result.error, "") --> expect.equal: got "the recipe has no option \"txet\" (did you mean \"text\"?) @", want ""
end)
test("value", function()
  expect.equal(run("note.lua", { text = { a = 1 } }).error, "") --> expect.equal: got "option text: want a string, a number, true or false, or a list of strings, got { a = 1 } @", want ""
end)
test("what it is", function()
  expect.equal({ 1, x = "y" }, { 1, x = "z" }, "the table") --> expect.equal: the table: got { 1, x = "y" }, want { 1, x = "z" }
end)
test("event", function()
  lab.hosts({ "a" })
  expect.event(run("note.lua"), { kind = "step_begun", step = "fly" }) --> expect.event: there was no such event, but these:
end)
test("link", function()
  local hosts = lab.hosts({ "a" })
  local ok, err = pcall(expect.link, hosts[1], "current", "/")
  expect.contains(err.message, "there is no ")
  hosts[1].fs:symlink("/elsewhere", hosts[1].vars.root .. "/current")
  expect.link(hosts[1], "current", "/elsewhere")
  expect.link(hosts[1], "current", "releases/r1") --> a: DIR/current points to /elsewhere instead of DIR/releases/r1
end)
test("absent", function()
  local hosts = lab.hosts({ "a" })
  expect.absent(hosts[1], "") --> a: DIR exists
end)
test("raised", function()
  localhost:run("exit 3") --> the command failed
end)
test("recipe", function()
  run("nosuch.lua") --> there is no recipe nosuch.lua: neither DIR/nosuch.lua nor 
end)
test("hosts", function()
  lab.hosts({ "a" })
  lab.hosts(1) --> the test has hosts already; name all of them in one call
end)
`

func TestFailures(t *testing.T) {
	dir := folder(t, map[string]string{"note.lua": note, "sub/.hidden/x_test.lua": "error()", "a_test.lua": failing,
		"README": ""})
	by, all := tested(t, dir, recipetest.Options{})
	title, wanted := "", map[string]string{}
	for i, line := range strings.Split(failing, "\n") {
		if _, after, ok := strings.Cut(line, `test("`); ok {
			title, _, _ = strings.Cut(after, `"`)
			wanted[title] = ""
		}
		if _, want, ok := strings.Cut(line, "--> "); ok {
			wanted[title] = want + " @" + filepath.Join(dir, "a_test.lua") + ":" + strconv.Itoa(i+1)
		}
	}
	if len(by) != len(wanted) || len(all) != len(wanted) || len(wanted) < 13 {
		t.Fatalf("%d tests ran, want %d", len(all), len(wanted))
	}
	lab := regexp.MustCompile(`/\S*/(lab-\d+)/a/srv/app`)
	for title, want := range wanted {
		got := ""
		if err := by[title].Err; err != nil {
			got, _ = words(err)
			got = strings.ReplaceAll(lab.ReplaceAllString(got, "DIR"), dir+"/note", "DIR/note")
			got = strings.ReplaceAll(got, dir+"/nosuch", "DIR/nosuch")
		}
		start, line, _ := strings.Cut(want, " @")
		if !strings.HasPrefix(got, start) || !strings.HasSuffix(got, line) || (got == "") != (want == "") {
			t.Errorf("%s:\ngot  %s\nwant %s", title, got, want)
		}
	}
	if o := by["status"]; !strings.Contains(o.Output, "exit status 2") ||
		!strings.Contains(o.Output, "want at most 9") {
		t.Errorf("the output of a failed run is missing: %q", o.Output)
	}
	report(t, dir, all)
}

// report compares the printed lines and the XML of outcomes with what they must be.
func report(t *testing.T, dir string, all []recipetest.Outcome) {
	t.Helper()
	var out strings.Builder
	r := recipetest.NewReport(&out, false, words)
	for _, o := range all {
		r.Add(o)
	}
	failed, err := r.End(1.5)
	if err != nil || failed != len(all)-2 || !strings.Contains(out.String(), "ok    "+dir+"/a_test.lua: passes  (") ||
		!strings.Contains(out.String(), "\n2 tests passed, 11 failed, 1.5 s\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
	path := filepath.Join(t.TempDir(), "junit.xml")
	all[0].Output += "\x1b[1m\xff]]>"
	if err := recipetest.WriteJUnit(path, all, words); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
				Output string `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if read.Tests != len(all) || read.Failures != failed || len(read.Suites) != 1 ||
		len(read.Suites[0].Cases) != len(all) ||
		read.Suites[0].Cases[0].Failure != nil || !strings.HasSuffix(read.Suites[0].Cases[0].Output, "[1m\uFFFD]]>") ||
		!strings.HasPrefix(read.Suites[0].Cases[2].Failure.Message, "lab.fail: no step") {
		t.Errorf("got %+v", read)
	}
}

// TestEnds runs a file without test(), and ends tests that take too long or are interrupted.
func TestEnds(t *testing.T) {
	dir := folder(t, map[string]string{
		"plain_test.lua": "expect.equal(1, 1)",
		"slow_test.lua":  "test('slow', function() while true do end end) test('other', function() end)",
		"twice_test.lua": "test('x', function() end)\ntest('x', function() end)",
	})
	by, all := tested(t, dir, recipetest.Options{Timeout: 300 * time.Millisecond})
	if len(all) != 4 || all[0].Err != nil || by["other"].Err != nil {
		t.Errorf("got %+v", all)
	}
	if err := by["slow"].Err; err == nil || !strings.Contains(err.Error(), "took longer than 300ms") {
		t.Errorf("got %v", err)
	}
	if err := all[3].Err; err == nil || !strings.Contains(err.Error(),
		"a test with this title is already declared at "+dir+"/twice_test.lua:1") {
		t.Errorf("got %v", err)
	}
	ctx, interrupt := context.WithCancelCause(t.Context())
	interrupt(run.ErrInterrupted)
	err := recipetest.Run(ctx, []string{filepath.Join(dir, "slow_test.lua")},
		recipetest.Options{Stream: event.NewStream(), Explain: words}, func(o recipetest.Outcome) {
			if o.Err == nil {
				t.Errorf("%s passed", o.Title)
			}
		})
	if err != run.ErrInterrupted {
		t.Errorf("got %v", err)
	}
}

// TestChecked refuses tests with mistakes, and recipes that use what only tests can.
func TestChecked(t *testing.T) {
	dir := folder(t, map[string]string{
		"wrong_test.lua": "lab.host(2)\nlab.hosts(2, 3)\nexpect.equals(1, 1)\n",
		"recipe.lua":     "recipe({ summary = \"x\" })\nlab.hosts(2)\n",
	})
	problems, err := recipe.Check(t.Context(), luaAPI(t), event.NewStream(),
		[]string{dir + "/wrong_test.lua", dir + "/recipe.lua"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"wrong_test.lua:1", `(did you mean "hosts"?)`, "wrong_test.lua:2", "wrong_test.lua:3",
		`(did you mean "equal"?)`,
		"recipe.lua:2", `undeclared global "lab"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for path, want := range map[string]string{dir + "/nosuch": "there is no", dir + "/recipe.lua": "is not a test",
		t.TempDir(): "no *_test.lua"} {
		if _, err := recipetest.Files([]string{path}); err == nil || !strings.Contains(err.Error(), want) ||
			run.Status(err) != run.StatusUsage {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestFindsRecipes runs a test from different folders: it finds the recipe beside it and that of
// the project.
func TestFindsRecipes(t *testing.T) {
	const test = "lab.hosts(1)\nexpect.status(run(\"beside.lua\"), 0)\n" +
		"expect.status(run(\"recipes/release.lua\"), 0)\nrun(\"nosuch.lua\")\n"
	dir := folder(t, map[string]string{"recipes/x_test.lua": test, "recipes/beside.lua": "recipe {}\n",
		"recipes/release.lua": "recipe {}\n"})
	for _, c := range []struct{ from, path, tried string }{
		{"recipes", "x_test.lua", "nosuch.lua nor ../nosuch.lua"},
		{".", "recipes/x_test.lua", "recipes/nosuch.lua nor nosuch.lua"},
		{"..", filepath.Base(dir) + "/recipes/x_test.lua", filepath.Base(dir) + "/recipes/nosuch.lua nor " +
			filepath.Base(dir) + "/nosuch.lua nor nosuch.lua"},
	} {
		t.Run(c.from, func(t *testing.T) {
			t.Chdir(filepath.Join(dir, c.from))
			_, all := tested(t, c.path, recipetest.Options{})
			text, _ := words(all[0].Err)
			if want := "there is no recipe nosuch.lua: neither " + c.tried + " exists @" + c.path + ":4"; text != want {
				t.Errorf("%s, want %s", text, want)
			}
		})
	}
}

// hooked is a project whose app.lua has hooks that leave a file on this machine.
func hooked(t *testing.T, tests string) string {
	t.Helper()
	return folder(t, map[string]string{
		"lib/settings.lua": `return validate(require "app", {
  n = { 1, "a number" },
  before = { nil, "a hook", type = "function|table<string, function>" },
  well = { nil, "a hook", type = "function" },
})`,
		"app.lua": `local path = env("LEFT")
return {
  n = 5,
  before = { once = function(host)
    localhost:run({ "sh", "-c", 'echo once >> "$1"', "sh", path })
    host:run("true")
  end },
  well = function() localhost:run({ "sh", "-c", 'echo well >> "$1"', "sh", path }) return false end,
}`,
		"hooked.lua": `local app = require "settings"
local options = recipe({ summary = "call hooks", options = { n = { app.n, "a number" } } })
each(hosts, function(host)
  if app.before then app.before.once(host) end
  host:result({ state = tostring(options.n) .. " " .. tostring(app.well and app.well(host)) })
end)
`,
		"hooked_test.lua": tests,
	})
}

// TestHooksAreRecorded records the functions of app.lua instead of calling them, in runs and in the
// test's own world.
func TestHooksAreRecorded(t *testing.T) {
	left := filepath.Join(t.TempDir(), "left")
	t.Setenv("LEFT", left)
	for name, tests := range map[string]string{
		"run": `local hosts = lab.hosts({ "a", "b" })
local result = run("hooked.lua")
expect.equal(result.calls, {
  { name = "before.once", host = "a" }, { name = "well", host = "a" },
  { name = "before.once", host = "b" }, { name = "well", host = "b" },
})
expect.equal(result.hosts.b.state, "5 true")
expect.event(result, { kind = "info", host = "a" })
hosts[1]:run("true")`,
		"dry run": `lab.hosts({ "a" })
expect.equal(#run("hooked.lua", {}, { dry_run = true }).calls, 2)`,
		"own world": `local app, hosts = require "settings", lab.hosts({ "a" })
expect.equal(app.n, 5)
expect.equal(app.before.once(hosts[1]), true)
expect.equal(require("app").well(), true)
app.well = function() return 7 end
expect.equal(app.well(), 7)`,
		"defaults": `lab.defaults()
lab.hosts({ "a" })
local result = run("hooked.lua")
expect.equal(result.hosts.a.state, "1 nil")
expect.equal(result.calls, {})
expect.equal(run("hooked.lua", { n = 3 }, { hooks = true }).hosts.a.state, "3 nil")
local app = require "settings"
expect.equal(app.n, 1)
expect.equal(app.before, nil)`,
	} {
		_, all := tested(t, hooked(t, tests), recipetest.Options{})
		if len(all) != 1 || all[0].Err != nil {
			t.Errorf("%s: %+v", name, all)
		}
		if text, err := os.ReadFile(left); err == nil {
			t.Fatalf("%s: hooks were called: %s", name, text)
		}
	}
	_, all := tested(t, hooked(t, `lab.hosts({ "a" })
local result = run("hooked.lua", {}, { hooks = true })
expect.equal(result.calls, {})
expect.equal(result.hosts.a.state, "5 false")`), recipetest.Options{})
	if len(all) != 1 || all[0].Err != nil {
		t.Errorf("hooks: %+v", all)
	}
	if text, err := os.ReadFile(left); err != nil || string(text) != "once\nwell\n" {
		t.Errorf("hooks left %q, %v", text, err)
	}
}

// TestMissingSecrets fails only the tests that need app.lua if its secret is not set.
func TestMissingSecrets(t *testing.T) {
	project := func(first string) string {
		return folder(t, map[string]string{
			"app.lua": "return { token = secret.env(\"NOSUCH_TOKEN\"), key = secret.file(\"/nosuch\") }",
			"token.lua": "local app = validate(require \"app\", " +
				"{ token = { \"none\", \"x\" }, key = { \"none\", \"x\" } })\n" +
				"recipe({ summary = \"x\" })\nprint(app.token .. app.key)\n",
			"token_test.lua": first + "expect.contains(run(\"token.lua\").stdout, \"nonenone\")",
		})
	}
	_, all := tested(t, project("lab.defaults()\n"), recipetest.Options{})
	if len(all) != 1 || all[0].Err != nil {
		t.Errorf("with the defaults: %+v", all)
	}
	_, all = tested(t, project(""), recipetest.Options{})
	if len(all) != 1 || all[0].Err == nil || !strings.Contains(all[0].Output, "NOSUCH_TOKEN is not set") {
		t.Errorf("with app.lua: %+v", all)
	}
}

// TestLabOptions fills options that a test leaves out with what the recipe declares for tests.
func TestLabOptions(t *testing.T) {
	dir := folder(t, map[string]string{
		"r.lua": `local options = recipe({ options = {
  repo = { "", "unlike a recipe of a release's: nothing is declared for tests" },
  from = { "", "a repository", lab = "{repo}" },
  args = { {}, "arguments", lab = { "--fast", "wheels={wheels}" } },
  fixed = { "app", "a word", lab = "" },
} })
each(hosts, function(host)
  host:result({ state = table.concat({ options.repo, options.from, options.fixed, unpack(options.args) }, ",") })
end)
`,
		"wrong.lua": `recipe({ options = { x = { "", "a word", lab = "{rpeo}" } } })`,
		"r_test.lua": `test("filled", function()
  lab.hosts({ "a" })
  local state = run("r.lua").hosts.a.state
  expect.equal(state:match("^(,,,%-%-fast,wheels=)/.+$"), ",,,--fast,wheels=", state)
  expect.equal(run("r.lua", { args = { "x" }, from = "y" }).hosts.a.state, ",y,,x")
  expect.contains(run("wrong.lua").error, 'lab: the lab has no {rpeo} (did you mean "{repo}"?)')
end)`,
	})
	by, _ := tested(t, dir, recipetest.Options{})
	if o := by["filled"]; o.Err != nil {
		t.Error(o.Err)
	}
}
