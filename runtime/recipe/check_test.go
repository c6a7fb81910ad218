//go:build unix

package recipe_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/recipe"
)

// longRecipe writes a recipe of 2,000 lines, which repeats the longest one of the corpus.
func longRecipe(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/corpus/right/packages.lua")
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "local APT")
	lines := strings.Count(head, "\n")
	var b strings.Builder
	b.WriteString(head)
	for i := 0; lines < 2000; i++ {
		part := fmt.Sprintf("do\nlocal APT%send\n", body)
		b.WriteString(part)
		lines += strings.Count(part, "\n")
	}
	path := filepath.Join(t.TempDir(), "long.lua")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// BenchmarkCheck2000Lines must stay under 100 ms.
func BenchmarkCheck2000Lines(b *testing.B) {
	path := longRecipe(b)
	for b.Loop() {
		if problems := check(b, path); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkCheckRelease must stay under 25 ms of CPU. Each round reads all files again.
func BenchmarkCheckRelease(b *testing.B) {
	api := luaAPI(b)
	began := cpu(b)
	for b.Loop() {
		api.Sources = nil
		problems, err := recipe.Check(b.Context(), api, event.NewStream(), []string{"../../recipes/release.lua"})
		if err != nil || len(problems) > 0 {
			b.Fatal(problems, err)
		}
	}
	b.ReportMetric(float64(cpu(b)-began)/1e6/float64(b.N), "cpu-ms/op")
}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestEndlessRecipe describes a recipe that never reaches recipe{ … }: check and --help must end.
func TestEndlessRecipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "endless.lua")
	if err := os.WriteFile(path, []byte("local n = 0\nwhile n >= 0 do n = n + 1 end\nrecipe {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := recipe.LoadWithin(t.Context(), luaAPI(t), path, 50*time.Millisecond)
	if !recipe.IsEndless(err) {
		t.Errorf("error %v", err)
	}
	if p := recipe.EvaluationProblems(path, err); len(p) != 1 ||
		!strings.Contains(p[0].Message, "did not reach recipe{ … }") {
		t.Errorf("%v", p)
	}
}

// TestCheckReadsSettings checks app.lua with a recipe beside it that does not require it.
func TestCheckReadsSettings(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"r.lua": "recipe {}\n", "app.lua": "return { x = = 1 }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, paths := range [][]string{{"r.lua"}, {"app.lua", "r.lua"}} {
		for i := range paths {
			paths[i] = filepath.Join(dir, paths[i])
		}
		if p := check(t, paths...); len(p) != 1 ||
			!strings.HasPrefix(p[0].Error(), filepath.Join(dir, "app.lua:1:14: syntax error")) {
			t.Errorf("%v: %v", paths, p)
		}
	}
}

// TestReservedOption declares an option that has the name of one of run's own: check reports it.
func TestReservedOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.lua")
	if err := os.WriteFile(path, []byte("recipe { options = { dry_run = { false, \"a switch\" } } }\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	api := luaAPI(t)
	api.Reserved = []string{"dry-run"}
	problems, err := recipe.Check(t.Context(), api, event.NewStream(), []string{path})
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0].Error(),
		"option dry_run: run has an option --dry-run of its own") {
		t.Errorf("%v, %v", problems, err)
	}
}
