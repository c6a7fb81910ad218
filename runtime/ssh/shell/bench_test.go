package shell

import (
	"bytes"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell/frame"
)

// BenchmarkFraming reads the output of one command up to its mark.
func BenchmarkFraming(b *testing.B) {
	for name, size := range map[string]int{"short": 40, "1MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			mark := frame.NewMark()
			answer := bytes.Repeat([]byte("line of output\n"), size/15)
			answer = append(answer, mark+" 0\n"...)
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			s := frame.NewScanner(&endless{unit: answer})
			for b.Loop() {
				if _, err := s.Until(discard, mark); err != nil {
					b.Fatal(err)
				}
				if word, err := s.Line(); err != nil || word != "0" {
					b.Fatal(word, err)
				}
			}
		})
	}
}

// endless repeats unit.
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

// BenchmarkCommand runs a command on this machine, with its shell, marks and events.
func BenchmarkCommand(b *testing.B) {
	p := NewPool(event.NewStream(), Options{})
	h := p.Localhost()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Run(b.Context(), Command{Argv: []string{"/bin/true"}}); err != nil {
			b.Fatal(err)
		}
	}
	must(b, p.Close())
}
