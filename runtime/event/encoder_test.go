package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// FuzzEncode compares the line of an output with that of encoding/json.
func FuzzEncode(f *testing.F) {
	for _, text := range []string{
		"", "one line\n", "a \"word\" and C:\\path\tand <b>&amp;</b>\r\n", "\x00\b\f\x1b[31m\x7f", "grüße, 世界 🎉\n",
		"\u2028\u2029", "not UTF-8: \xff\xc3", "\ufffd",
	} {
		f.Add("web1", "prepare", "r.lua:3", text, "stdout", int64(0))
		f.Add(text, text, text, "", text, int64(12))
	}
	began := time.Date(2026, 1, 5, 12, 0, 0, 120, time.UTC)
	f.Fuzz(func(t *testing.T, host, step, line, text, stream string, size int64) {
		c := NewEncoder()
		for _, steps := range [][]string{nil, {step}, {step, host}} {
			e := Event{Kind: Output, Time: began, Host: host, Step: steps, Line: line, Text: text, Stream: stream,
				Bytes: size}
			var want bytes.Buffer
			enc := json.NewEncoder(&want)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(e); err != nil {
				t.Fatal(err)
			}
			got, err := c.Encode(e)
			if err != nil || string(got) != want.String() {
				t.Errorf("%v\n%s\nwant\n%s", err, got, want.String())
			}
		}
	})
}

// BenchmarkEncode encodes 200 lines of output.
func BenchmarkEncode(b *testing.B) {
	e := Event{Kind: Output, Time: time.Now(), Host: "web1", Step: []string{"prepare"}, Line: "r.lua:3",
		Stream: "stdout",
		Text:   strings.Repeat("Collecting a-package-with-a-name==1.2.3 (from -r requirements.txt (line 1))\n", 200)}
	c := NewEncoder()
	b.SetBytes(int64(len(e.Text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
}
