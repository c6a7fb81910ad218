package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"runbook/runtime/event"
)

// maxLine limits a line of a journal that another machine wrote.
const maxLine = 64 << 20

// readLine returns the next line with its end. It is valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line == nil && err == nil {
			return part, nil // nearly all lines
		}
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// Open returns the runs with these names: files, which end in ".jsonl" or have a slash in them, or
// runs in dir as Find knows them.
func Open(dir string, names []string) ([]Run, error) {
	var runs []Run
	opened := map[string]bool{}
	for _, name := range names {
		r, err := open(dir, name)
		if err != nil {
			return nil, err
		}
		path, err := filepath.Abs(r.Path)
		if err != nil {
			return nil, err
		}
		if opened[path] {
			return nil, fmt.Errorf("%s is named twice", name)
		}
		opened[path] = true
		runs = append(runs, r)
	}
	return runs, nil
}

// ReadRuns reads one run, or several as one, with a table of them.
func ReadRuns(dir string, names []string) (one Run, shards, events []event.Event, err error) {
	runs, err := Open(dir, names)
	if err != nil {
		return one, nil, nil, err
	}
	if len(runs) == 1 {
		events, err = Collect(Events(runs[0].Path))
		return runs[0], nil, events, err
	}
	merged, err := Merge(runs)
	if err != nil {
		return one, nil, nil, err
	}
	events, err = Collect(merged.Events())
	return merged.Run, []event.Event{merged.Shards()}, events, err
}

func open(dir, name string) (Run, error) {
	if !strings.HasSuffix(name, suffix) && !strings.ContainsRune(name, filepath.Separator) {
		return Find(dir, name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return Run{}, event.WithHint(err, "runbook log lists the runs of this machine; run --json prints one")
	}
	if err := checkFile(name, info); err != nil {
		return Run{}, event.WithHint(fmt.Errorf("%s is not the journal of a run: %w", name, err),
			"name a run, a file of the journal, or a file with the output of run --json")
	}
	return look(name)
}

// checkFile refuses a file that does not begin with the beginning of a run.
func checkFile(name string, info os.FileInfo) (err error) {
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	line, err := readLine(bufio.NewReader(f))
	if errors.Is(err, io.EOF) {
		return errors.New("it has no event")
	}
	if err != nil {
		return err
	}
	first, err := decode(line)
	if err == nil && first.Kind != event.RunBegun {
		err = fmt.Errorf("its first event is %q, not %q", first.Kind, event.RunBegun)
	}
	return err
}
