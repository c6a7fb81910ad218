package check_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/script/check"
	"runbook/runtime/script/internal/scripttest"
	"runbook/runtime/script/types"
)

// TestCheck compares messages with those in the files themselves: `-- want: TEXT` on the line that
// causes one. Other lines must cause none.
func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.lua")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	want := regexp.MustCompile(`-- want: (.*)$`)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			problems, err := check.Check(t.Context(), scripttest.Library(t), path,
				check.Options{Recipe: map[string]types.Type{"root": {Kind: types.String},
					"branch": {Kind: types.String}}})
			if err != nil {
				t.Fatal(err)
			}
			got := map[int][]string{}
			for _, p := range problems {
				if p.File != path { // required files are tested themselves
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
	problems, err := check.Check(t.Context(), scripttest.Library(t), filepath.Join(dir, "r.lua"), check.Options{})
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

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
