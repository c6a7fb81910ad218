package terminal

import (
	"fmt"
	"strings"
	"testing"
)

// Output that arrives faster than it can be shown waits up to a limit; omitted output is counted.
// Nothing else is omitted.
func TestWaitingIsBounded(t *testing.T) {
	l := newLive(nil, nil)
	line := strings.Repeat("x", 999) + "\n"
	for range 10_000 {
		l.above(nil, line, true)
	}
	for range 10 {
		l.above(nil, "a result\n", false)
	}
	var shown strings.Builder
	for _, a := range l.take() {
		shown.WriteString(a.text)
	}
	text := shown.String()
	if n := strings.Count(text, line); n != mostWaiting/len(line) || strings.Count(text, "a result\n") != 10 {
		t.Errorf("%d lines and %d results", n, strings.Count(text, "a result\n"))
	}
	if want := fmt.Sprintf("… (%d bytes of output omitted",
		(10_000-mostWaiting/len(line))*len(line)); !strings.Contains(text, want) {
		t.Errorf("it says %q, not %q", text[len(text)-100:], want)
	}
	l.above(nil, line, true)
	if again := l.take(); len(again) != 1 || again[0].text != line {
		t.Errorf("%v", again)
	}
}
