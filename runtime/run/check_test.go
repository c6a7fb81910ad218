package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longRecipe writes a recipe of 2,000 lines, put together from the longest of the corpus.
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

// BenchmarkCheck2000Lines is to stay under 100 ms.
func BenchmarkCheck2000Lines(b *testing.B) {
	path := longRecipe(b)
	for b.Loop() {
		if problems, err := Check(b.Context(), []string{path}, Extension{}); err != nil || len(problems) > 0 {
			b.Fatal(problems, err)
		}
	}
}

// A recipe that never comes to recipe{ … } must not keep check, or --help, from its end.
func TestDescribeEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "endless.lua")
	if err := os.WriteFile(path, []byte("local n = 0\nwhile n >= 0 do n = n + 1 end\nrecipe {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := describe(t.Context(), path, 50*time.Millisecond, nil, nil)
	if !errors.Is(err, errEndless) || Status(err) != StatusUsage {
		t.Errorf("error %v, status %d", err, Status(err))
	}
	if p := evaluated(path, err); len(p) != 1 || !strings.Contains(p[0].Message, "did not come to recipe{ … }") {
		t.Errorf("%v", p)
	}
}
