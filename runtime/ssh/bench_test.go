package ssh

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// One command's answer between marks, as the shell's stdout brings it.
func BenchmarkFraming(b *testing.B) {
	for name, size := range map[string]int{"short": 40, "1MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			mark := newMark()
			answer := bytes.Repeat([]byte("line of output\n"), size/15)
			answer = append(answer, mark+" 0\n"...)
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			s := newScanner(&endless{unit: answer})
			for b.Loop() {
				if _, err := s.until(discard, mark); err != nil {
					b.Fatal(err)
				}
				if word, err := s.word(); err != nil || word != "0" {
					b.Fatal(word, err)
				}
			}
		})
	}
}

// endless is unit again and again.
type endless struct {
	unit []byte
	rest []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.unit
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func BenchmarkQuote(b *testing.B) {
	words := []string{"git", "-C", "/srv/app/repo.git", "commit", "-m", "it's a message of some length; $(nothing) `more`", strings.Repeat("x", 200)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := QuoteAll(words); err != nil {
			b.Fatal(err)
		}
	}
}

// A command on this machine, whole: the shell, the marks, the events that nobody hears.
func BenchmarkCommand(b *testing.B) {
	p := NewPool(PoolOptions{})
	h := p.Localhost()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Run(b.Context(), Command{Argv: []string{"/bin/true"}}); err != nil {
			b.Fatal(err)
		}
	}
	must(b, p.Close())
}

// The archive of 1,000 files of 4 KiB.
func BenchmarkPack(b *testing.B) {
	dir := b.TempDir()
	writeMany(b, dir, 1000)
	b.SetBytes(1000 * 4096)
	b.ReportAllocs()
	for b.Loop() {
		must(b, pack(io.Discard, dir, "x", nil))
	}
}

func writeMany(b *testing.B, dir string, n int) {
	b.Helper()
	for i := range n {
		must(b, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), make([]byte, 4096), 0o600))
	}
}
