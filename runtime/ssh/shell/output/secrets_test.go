package output

import (
	"strings"
	"testing"

	"runbook/runtime/event"
)

// texts records the texts of events.
type texts struct{ said []string }

func (s *texts) Event(e event.Event) { s.said = append(s.said, e.Text) }
func (s *texts) Close() error        { return nil }

// A secret that arrives in two pieces is never shown, however the output is cut.
func TestSecretInPieces(t *testing.T) {
	const secret = "c29tZXRoaW5nIHNlY3JldA"
	for name, pieces := range map[string][]string{
		"within a line":            {"a ", secret[:9], secret[9:], " b\n"},
		"over two lines":           {"a\n" + secret[:9] + "\n", secret[9:] + "\nb\n"},
		"over two lines, slowly":   {"a\n" + secret[:9], "\n", secret[9:12], secret[12:] + "\n", "b\n"},
		"where a long line is cut": {strings.Repeat("x", longestLine-5) + secret[:9], secret[9:] + " b\n"},
		"unfinished":               {"a\n" + secret[:9] + "\n" + secret[9:]},
	} {
		sink := &texts{}
		stream := event.NewStream(sink)
		stream.AddSecret(secret)
		out := New(event.WithStream(t.Context(), stream), stream, Options{})
		for _, piece := range pieces {
			must(t, out.Stdout([]byte(piece)))
		}
		out.Flush()
		all := strings.ReplaceAll(strings.Join(sink.said, ""), "\n", "")
		if strings.Contains(all, secret[:9]) || strings.Contains(all, secret[9:]) ||
			!strings.Contains(all, "[secret]") {
			t.Errorf("%s: %.200q", name, sink.said)
		}
		if strings.Contains(out.Tail(), secret[9:]) {
			t.Errorf("%s: the last lines are %q", name, out.Tail())
		}
	}
}

// Output that cannot be the beginning of a secret is shown at once.
func TestNoSecretNoWait(t *testing.T) {
	sink := &texts{}
	stream := event.NewStream(sink)
	stream.AddSecret("s3cr3t-one")
	out := New(event.WithStream(t.Context(), stream), stream, Options{})
	for _, piece := range []string{"one\n", "ends\n", "s3\n"} {
		must(t, out.Stdout([]byte(piece)))
		if last := sink.said[len(sink.said)-1]; last != piece {
			t.Errorf("%q is kept back", piece)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
