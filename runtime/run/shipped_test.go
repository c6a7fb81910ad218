package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every kind of mistake is found where admins make them: in what release.lua does on a host, which reaches it through
// functions of lib/.
func TestMistakesInRelease(t *testing.T) {
	for line, want := range map[string]string{
		`local x = = 1`:                                           `syntax error near "="`,
		`hots = 1`:                                                `undeclared global "hots" is set`,
		`log.info(relase.name)`:                                   `undeclared global "relase" (did you mean "release"?)`,
		`lgo.info("x")`:                                           `undeclared global "lgo" (did you mean "log"?)`,
		`log.inof("x")`:                                           `log has no "inof" (did you mean "info"?)`,
		`host:rnu("true")`:                                        `host has no "rnu" (did you mean "run"?)`,
		`host.fs:raed("/x")`:                                      `host.fs has no "raed" (did you mean "read"?)`,
		`layout.relaese()`:                                        `layout has no "relaese" (did you mean "release"?)`,
		`log.info(host.nmae)`:                                     `host has no "nmae" (did you mean "name"?)`,
		`log.info(options.brnach)`:                                `options has no "brnach" (did you mean "branch"?)`,
		`host:run("true", { timeuot = "1s" })`:                    `host:run: unknown option "timeuot" (did you mean "timeout"?)`,
		`host.fs:write("/x")`:                                     `host.fs:write: text is missing`,
		`host.fs:readlink("/x", "/y", 1)`:                         `host.fs:readlink: 3 arguments are too many`,
		`host:run("true", { timeout = 300 })`:                     `host:run: timeout: want a duration with its unit, such as "300s"`,
		`host:run("true", { check = "no" })`:                      `host:run: check: want true or false, got a string`,
		`host:run("true", { timeout = "5 min" })`:                 `host:run: timeout: want a duration such as`,
		`host:run("git", "fetch")`:                                `host:run: a command of several words is a list`,
		`host.run("true")`:                                        `host:run is called with a dot; write it with a colon`,
		`host.fs.remove("/x")`:                                    `host.fs:remove is called with a dot; write it with a colon`,
		`log:info("x")`:                                           `log.info is called with a colon; write it with a dot`,
		`local r = host:run("true") log.info(r.stdut)`:            `r has no "stdut" (did you mean "stdout"?)`,
		`log.info(host:http("http://x/").stauts)`:                 `has no "stauts" (did you mean "status"?)`,
		`local unread = 1`:                                        `the local unread is never read`,
		`fail("x") log.info("y")`:                                 `this is never reached`,
		`require "layuot"`:                                        `there is no module "layuot"`,
		`host:capture({ "cat", host:run("mktemp").stdout })`:      `host:run changes something, so it can't stand inside host:capture`,
		`host:run("ls -l " .. options.root)`:                      `a list is quoted: { "ls", "-l", options.root }`,
		`step("x")`:                                               `step: fn is missing`,
		`each(host, function() end)`:                              `each: hosts: want a list`,
		`for _, other in ipairs(hosts) do other:rnu("x") end`:     `other has no "rnu" (did you mean "run"?)`,
		`step("x", function() host:defer(host:rnu()) end)`:        `host has no "rnu" (did you mean "run"?)`,
		`host:defer(function(h) h:rnu("true") end)`:               `h has no "rnu" (did you mean "run"?)`,
		`pcall(function() host:rnu("true") end)`:                  `host has no "rnu" (did you mean "run"?)`,
		`pcall(host.run, host)`:                                   ``, // Lua's own way of a call; too few arguments are found in a run
		`host:agent({ keys = { "k" } }, function() host:r() end)`: `host has no "r"`,
	} {
		found := checkedWith(t, line)
		places := 2
		switch {
		case want == "":
			places = 0
		case strings.HasPrefix(want, "syntax error"): // nothing behind it can be read
			places = 1
		}
		if len(found) != places || slices.ContainsFunc(found, func(message string) bool { return !strings.Contains(message, want) }) {
			t.Errorf("%s: got %q, want %q", line, found, want)
		}
	}
}

// checkedWith is what check says of release.lua with a line at the beginning of prepare and of switch, there.
func checkedWith(t *testing.T, line string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../recipes")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "release.lua")
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	var places []string
	for _, function := range []string{"prepare", "switch"} {
		head, rest, ok := strings.Cut(text, "local function "+function+"(host)\n")
		if !ok {
			t.Fatalf("no function %s(host)", function)
		}
		text = head + "local function " + function + "(host)\n  " + line + "\n" + rest
		places = append(places, fmt.Sprintf("%s:%d:", path, strings.Count(head, "\n")+2))
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	problems, err := Check(t.Context(), []string{path}, Extension{})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range problems {
		if !strings.HasPrefix(p.Error(), places[0]) && !strings.HasPrefix(p.Error(), places[1]) {
			t.Errorf("%s: not at its line: %v", line, p)
		}
		found = append(found, p.Error())
	}
	return found
}
