package hostile

import (
	"io"
	"strings"
)

// Flood writes text repeatedly until the reader closes.
func Flood(w io.Writer, text string) {
	piece := []byte(strings.Repeat(text, max(1, (32<<10)/len(text))))
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
