package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"runbook/runtime/event"
)

// Events returns the events of the run in the file path, in order. An error ends the iteration. An
// incomplete last line, from a crash in the middle of a write, is skipped.
func Events(path string) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		n := 0
		for line, err := range records(path) {
			n++
			var e event.Event
			if err == nil {
				if e, err = decode(line); err != nil {
					err = fmt.Errorf("%s:%d: %w", path, n, err)
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// records returns the lines of a file as they are, each valid until the next.
func records(path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		lines := bufio.NewReaderSize(f, 1<<16)
		for {
			line, err := readLine(lines)
			if errors.Is(err, io.EOF) || !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// Collect returns all events, those before an error too.
func Collect(from iter.Seq2[event.Event, error]) ([]event.Event, error) {
	var events []event.Event
	for e, err := range from {
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

// decode parses an event and cleans it: another program or an older runbook may have written it.
func decode(line []byte) (event.Event, error) {
	var e event.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("invalid event: %w", err)
	}
	return event.CleanEvent(e), nil
}

// ends reads only the first and the last event of a file, because a list of runs reads many files.
// io.EOF means that there is no event.
func ends(f *os.File) (first, last event.Event, err error) {
	line, err := readLine(bufio.NewReader(f))
	if err != nil {
		return first, last, err
	}
	if first, err = decode(line); err != nil {
		return first, last, err
	}
	info, err := f.Stat()
	if err != nil {
		return first, last, err
	}
	for size := int64(1 << 13); ; size *= 8 {
		if size > maxLine {
			return first, last, fmt.Errorf("its last line has more than %d bytes", maxLine)
		}
		from := max(0, info.Size()-size)
		tail := make([]byte, info.Size()-from)
		if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
			return first, last, err
		}
		tail = tail[:bytes.LastIndexByte(tail, '\n')+1] // without an incomplete last line
		lines := bytes.Split(bytes.TrimSuffix(tail, []byte("\n")), []byte("\n"))
		if len(lines) < 2 && from > 0 {
			continue // the last line is longer than size
		}
		last, err = decode(lines[len(lines)-1])
		return first, last, err
	}
}
