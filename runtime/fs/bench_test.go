package fs_test

import (
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/ssh/shell"
)

// BenchmarkUnchanged puts a file that is already as it should be, which costs one round trip.
func BenchmarkUnchanged(b *testing.B) {
	stream := event.NewStream()
	pool := shell.NewPool(stream, shell.Options{})
	defer func() {
		if err := pool.Close(); err != nil {
			b.Error(err)
		}
	}()
	ctx, path := event.WithStream(b.Context(), stream), b.TempDir()+"/file"
	for _, user := range []string{"", "root"} {
		files := fs.As(pool.Localhost(), user)
		if _, err := files.Put(ctx, path, "text", fs.PutOptions{Mode: "0640", Owner: "root"}); err != nil {
			b.Fatal(err)
		}
		b.Run("sudo="+user, func(b *testing.B) {
			for range b.N {
				if changed, err := files.Put(ctx, path, "text",
					fs.PutOptions{Mode: "0640", Owner: "root"}); err != nil || changed {
					b.Fatal(changed, err)
				}
			}
		})
	}
}
