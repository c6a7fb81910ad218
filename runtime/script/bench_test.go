package script

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loop is what a recipe's loop of n rounds costs over one without.
func loop(b *testing.B, hosts int, source string) {
	b.Helper()
	b.ReportAllocs()
	if _, err := runSource(b, context.Background(), hosts, map[string]string{"r.lua": fmt.Sprintf(source, b.N)}); err != nil {
		b.Fatal(err)
	}
}

// A primitive that does nothing: unpacking its arguments, giving up the turn, taking it back, and its result.
func BenchmarkPrimitiveCall(b *testing.B) {
	loop(b, 1, `local h = hosts[1] for i = 1, %d do h:run("x", { cwd = "/", timeout = "2m" }) end`)
}

// The turn goes around among 100 hosts: what one call costs when all of them call.
func BenchmarkTurn(b *testing.B) {
	loop(b, 100, `local n = math.ceil(%d / 100) each(hosts, function(h) for i = 1, n do h.fs:read("/") end end)`)
}

// A thousand threads begin and end.
func BenchmarkThousandThreads(b *testing.B) {
	loop(b, 1000, `for i = 1, %d do each(hosts, function(h) h.fs:read("/") end) end`)
}

// The check of a recipe of 1,000 lines.
func BenchmarkCheckLong(b *testing.B) {
	lib := testLibrary(b)
	source := strings.Repeat("step(\"s\", function() for _, h in ipairs(hosts) do h:run(\"x\", { cwd = h.name }) end end)\n", 1000)
	path := filepath.Join(b.TempDir(), "r.lua")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if problems, err := lib.Check(b.Context(), path, CheckOptions{}); err != nil || len(problems) > 0 {
			b.Fatal(problems, err)
		}
	}
}
