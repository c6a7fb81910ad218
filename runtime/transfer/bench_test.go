package transfer

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkPack packs 1,000 files of 4 KiB.
func BenchmarkPack(b *testing.B) {
	dir := b.TempDir()
	writeMany(b, dir, 1000)
	u := upload{from: dir, temporary: "x"}
	b.SetBytes(1000 * 4096)
	b.ReportAllocs()
	for b.Loop() {
		must(b, u.pack(io.Discard))
	}
}

func writeMany(b *testing.B, dir string, n int) {
	b.Helper()
	for i := range n {
		must(b, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), make([]byte, 4096), 0o600))
	}
}
