package script

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The expected messages stand in the files themselves, as `-- want: TEXT` on the line that causes them. A file
// without any must pass silently.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.lua")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	want := regexp.MustCompile(`-- want: (.*)$`)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			problems, err := testLibrary(t).Check(t.Context(), path, CheckOptions{Options: map[string]string{"root": "string", "branch": "string"}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[int][]string{}
			for _, p := range problems {
				if p.File != path { // a required file's have a test of their own
					continue
				}
				got[p.Line] = append(got[p.Line], p.Error())
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			scanner := bufio.NewScanner(file)
			for line := 1; scanner.Scan(); line++ {
				m := want.FindStringSubmatch(scanner.Text())
				switch {
				case m == nil && len(got[line]) > 0:
					t.Errorf("unexpected: %v", got[line])
				case m != nil && (len(got[line]) != 1 || !strings.Contains(got[line][0], m[1])):
					t.Errorf("line %d: got %q, want %q", line, got[line], m[1])
				}
			}
			if err := scanner.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCheckFollowsRequire(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "r.lua"), `require "broken"`+"\n"+`require "nosuch"`)
	write(t, filepath.Join(dir, "lib/broken.lua"), "return {\n  x = = 1\n}")
	problems, err := testLibrary(t).Check(t.Context(), filepath.Join(dir, "r.lua"), CheckOptions{})
	if err != nil || len(problems) != 2 {
		t.Fatalf("%v, %v", problems, err)
	}
	if p := problems[0].Error(); !strings.Contains(p, "broken.lua:2:7: syntax error near") {
		t.Error(p)
	}
	if p := problems[1].Error(); !strings.Contains(p, `r.lua:2:1: there is no module "nosuch"`) {
		t.Error(p)
	}
}

func TestDocsNameEverything(t *testing.T) {
	lib := testLibrary(t)
	all, err := lib.Docs("")
	if err != nil {
		t.Fatal(err)
	}
	one, err := lib.Docs("host.fs:read")
	if err != nil {
		t.Fatal(err)
	}
	for text, wants := range map[string][]string{
		all:            {"  host:run(cmd, [{ … }])                   runs\n", "host.fs:read(path)", "log.info(text)", "step(title, fn)", "hosts"},
		one:            {"host.fs:read(path)", "path           which (a string)", "returns a string", "errors\n    A missing argument"},
		lib.Markdown(): {"### `host:run(cmd, [{ cwd, timeout, mode, check }])`", "| `mode` | how | one of fast, slow |"},
		lib.Stub():     {"---@class host.fs", "---@field fs host.fs files", "function host_fs:read(path) end", `mode?: "fast"|"slow"`, "---@param fn fun(host: host): any", "---@type host[]\nhosts = nil"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	}
	if _, err := lib.Docs("host:rnu"); err == nil || !strings.Contains(err.Error(), `did you mean "host:run"?`) {
		t.Errorf("error %v", err)
	}
	// The stub is a file that editors parse: it must be Lua.
	if _, err := compile("stub.lua", []byte(lib.Stub())); err != nil {
		t.Error(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
