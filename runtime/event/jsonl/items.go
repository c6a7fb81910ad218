package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// obeyed matches the control characters that JSON allows and a terminal interprets.
var obeyed = regexp.MustCompile(`[\x7f-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)

// WriteItems writes items as JSON, one per line.
func WriteItems[T any](w io.Writer, items []T) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		line.Reset()
		if err := enc.Encode(item); err != nil {
			return err
		}
		text := obeyed.ReplaceAllFunc(line.Bytes(), func(c []byte) []byte {
			r, _ := utf8.DecodeRune(c)
			return fmt.Appendf(nil, "\\u%04x", r)
		})
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}
