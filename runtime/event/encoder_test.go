package event

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzEncode compares the line of an event with that of encoding/json.
func FuzzEncode(f *testing.F) {
	for _, text := range []string{
		"", "one line\n", "a \"word\" and C:\\path\tand <b>&amp;</b>\r\n", "\x00\b\f\x1b[31m\x7f", "grüße, 世界 🎉\n",
		"\u2028\u2029", "not UTF-8: \xff\xc3", "\ufffd", "a quotation mark\" between many letters \x7f\xff!#[]",
	} {
		f.Add("web1", "prepare", "r.lua:3", text, "stdout", int64(0), 0.25)
		f.Add(text, text, text, "", text, int64(12), 1e-7)
	}
	began := time.Date(2026, 1, 5, 12, 0, 0, 120, time.UTC)
	f.Fuzz(func(t *testing.T, host, step, line, text, stream string, size int64, seconds float64) {
		if math.IsNaN(seconds) || math.IsInf(seconds, 0) {
			return // not in JSON
		}
		code := int(size)
		for _, e := range []Event{
			{Host: host, Line: line, Text: text, Stream: stream, Bytes: size},
			{Host: host, Step: []string{step}, Text: text, Code: &code, Seconds: seconds, Error: line},
			{Step: []string{step, host}, Total: size, State: host, Tone: step, Hint: text, By: stream},
		} {
			e.Kind, e.Time = Output, began
			compareLines(t, e)
		}
	})
}

// TestEncodeFields encodes events with one field each, and one with all that an event without lists
// can have.
func TestEncodeFields(t *testing.T) {
	flat := Event{Step: []string{"one", "two"}}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Event]()) {
		if !field.IsExported() {
			continue
		}
		e := Event{Kind: Info, Time: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)}
		switch v := reflect.ValueOf(&e).Elem().FieldByIndex(field.Index); v.Kind() {
		case reflect.String:
			v.SetString("text")
		case reflect.Int, reflect.Int64:
			v.SetInt(7)
		case reflect.Float64:
			v.SetFloat(0.25)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("name"), reflect.ValueOf("value"))
		case reflect.Struct: // Time
		default:
			t.Errorf("%s has a kind that this test does not know", field.Name)
		}
		compareLines(t, e)
		if isFlat(e) {
			reflect.ValueOf(&flat).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(e).FieldByIndex(field.Index))
		}
	}
	compareLines(t, flat)
}

func compareLines(t *testing.T, e Event) {
	t.Helper()
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		t.Fatal(err)
	}
	got, err := NewEncoder().Encode(e)
	if err != nil || string(got) != want.String() {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want.String())
	}
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
