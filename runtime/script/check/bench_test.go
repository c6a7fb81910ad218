package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/script/check"
	"runbook/runtime/script/internal/scripttest"
)

// BenchmarkCheckLong checks a recipe of 1,000 lines.
func BenchmarkCheckLong(b *testing.B) {
	lib := scripttest.Library(b)
	source := strings.Repeat("step(\"s\", function() for _, h in ipairs(hosts) do "+
		"h:run(\"x\", { cwd = h.name }) end end)\n", 1000)
	path := filepath.Join(b.TempDir(), "r.lua")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if problems, err := check.Check(b.Context(), lib, path, check.Options{}); err != nil || len(problems) > 0 {
			b.Fatal(problems, err)
		}
	}
}
