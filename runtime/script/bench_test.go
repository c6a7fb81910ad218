package script_test

import (
	"context"
	"fmt"
	"testing"
)

// loop measures one round of a recipe's loop.
func loop(b *testing.B, hosts int, source string) {
	b.Helper()
	b.ReportAllocs()
	if _, err := runSource(b, context.Background(), hosts,
		map[string]string{"r.lua": fmt.Sprintf(source, b.N)}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPrimitiveCall measures a primitive that does nothing: unpacking its arguments, giving up
// the turn, taking it back, and converting its result.
func BenchmarkPrimitiveCall(b *testing.B) {
	loop(b, 1, `local h = hosts[1] for i = 1, %d do h:run("x", { cwd = "/", timeout = "2m" }) end`)
}

// BenchmarkTurn measures one call while 100 hosts take turns.
func BenchmarkTurn(b *testing.B) {
	loop(b, 100, `local n = math.ceil(%d / 100) each(hosts, function(h) for i = 1, n do h.fs:read("/") end end)`)
}

// BenchmarkThousandThreads starts and ends a thousand threads.
func BenchmarkThousandThreads(b *testing.B) {
	loop(b, 1000, `for i = 1, %d do each(hosts, function(h) h.fs:read("/") end) end`)
}
