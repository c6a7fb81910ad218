package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Output runs cmd without input and returns what it printed to standard output, and the last lines
// of what it printed to standard error. More than most bytes, whole MiB, are an error. If ctx ends,
// the program and all that it started are ended. A program that fails is an *exec.ExitError.
func Output(ctx context.Context, cmd *exec.Cmd, most int64) (text []byte, printed string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = r.Close() }() // it was only read
	cmd.Stdout = w
	p, err := Start(cmd)
	_ = w.Close() // the program has its own copy
	if err != nil {
		return nil, "", fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	read := make(chan error, 1)
	go func() {
		var err error
		text, err = io.ReadAll(io.LimitReader(r, most+1))
		_ = r.Close() // a program that prints more gets an error
		read <- err
	}()
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.End()
		err = context.Cause(ctx)
	}
	_ = r.SetReadDeadline(time.Now().Add(linger)) // what it started may hold the pipe open
	failed := <-read
	switch {
	case err != nil:
	case int64(len(text)) > most:
		err = fmt.Errorf("%s printed more than %d MiB", cmd.Path, most>>20)
	case p.Err() != nil:
		err = p.Err()
	case failed != nil && !errors.Is(failed, os.ErrDeadlineExceeded):
		err = failed
	}
	return text, p.Printed(), err
}
