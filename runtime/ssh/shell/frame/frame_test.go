package frame

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestScannerHoldsNothingBack(t *testing.T) {
	r, w := io.Pipe()
	s := NewScanner(r)
	got := make(chan string)
	go func() {
		_, err := s.Until(func(b []byte) error { got <- string(b); return nil }, "=MARK=")
		if err != nil {
			got <- err.Error()
		}
		close(got)
	}()
	for _, step := range []struct{ write, want string }{{"progress 1%", "progress 1%"}, {"a=MA", "a"}, {"x", "=MAx"}} {
		_, err := io.WriteString(w, step.write)
		if err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != step.want {
			t.Errorf("after %q came %q, want %q", step.write, g, step.want)
		}
	}
	_, err := io.WriteString(w, "=MARK=")
	if err != nil {
		t.Fatal(err)
	}
	for g := range got {
		t.Errorf("more came: %q", g)
	}
}

// FuzzScanner cuts output anywhere: the scanner must return it unchanged, up to the mark.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("hello\n"), uint8(1))
	f.Add([]byte("=M=MA=MARK"), uint8(0))
	f.Add([]byte("==MARK"), uint8(2))
	f.Add([]byte{}, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		const mark, other = "=MARK=", "=OTHER="
		if bytes.Contains(data, []byte(mark)) || bytes.Contains(data, []byte(other)) ||
			bytes.Contains(append(bytes.Clone(data), mark[:5]...), []byte(mark)) {
			return
		}
		var r io.Reader = strings.NewReader(string(data) + mark + " 7\nrest")
		switch how % 3 {
		case 1:
			r = iotest.OneByteReader(r)
		case 2:
			r = iotest.DataErrReader(iotest.HalfReader(r))
		}
		s := NewScanner(r)
		var got bytes.Buffer
		which, err := s.Until(func(b []byte) error { got.Write(b); return nil }, other, mark)
		if err != nil || which != 1 || !bytes.Equal(got.Bytes(), data) {
			t.Fatalf("got %q, mark %d, %v; want %q", got.Bytes(), which, err, data)
		}
		if word, err := s.Line(); err != nil || word != "7" {
			t.Fatalf("word %q, %v", word, err)
		}
		got.Reset()
		if _, err := s.Until(func(b []byte) error { got.Write(b); return nil }, mark); !errors.Is(err, io.EOF) ||
			got.String() != "rest" {
			t.Fatalf("at the end: %q, %v", got.String(), err)
		}
	})
}
