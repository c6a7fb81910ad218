package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"runbook/runtime/event"
)

// prompt returns how to ask the admin, or nil when there is no terminal to ask on.
func (p *program) prompt() func(ctx context.Context, question string, secret bool) (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	var one sync.Mutex // hosts may ask at the same time
	reader := bufio.NewReader(p.in)
	return func(ctx context.Context, question string, secret bool) (string, error) {
		one.Lock()
		defer one.Unlock()
		if p.pause != nil {
			defer p.pause()()
		}
		if _, err := io.WriteString(p.err, event.OneLine(question)); err != nil {
			return "", err
		}
		before, err := term.GetState(fd)
		if err != nil {
			return "", fmt.Errorf("the terminal: %w", err)
		}
		type answer struct {
			text string
			err  error
		}
		// A read of a terminal can't be called off: after an interrupt it is left to the end of the process.
		answers := make(chan answer, 1)
		go func() {
			if !secret {
				line, err := reader.ReadString('\n')
				answers <- answer{strings.TrimRight(line, "\r\n"), err}
				return
			}
			text, err := term.ReadPassword(fd)
			answers <- answer{string(text), err}
		}()
		select {
		case a := <-answers:
			if secret {
				_, err = io.WriteString(p.err, "\n")
			}
			if a.err != nil {
				return "", a.err
			}
			return a.text, err
		case <-ctx.Done():
			if err := term.Restore(fd, before); err != nil {
				return "", fmt.Errorf("the terminal: %w", err)
			}
			if _, err := io.WriteString(p.err, "\n"); err != nil { // the question stays as it is
				return "", err
			}
			return "", context.Cause(ctx)
		}
	}
}

// screen is w when it is a terminal that can be drawn on. In continuous integration nobody looks at one.
func screen(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("CI") == "true" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// hasColours tells whether w is a terminal that is to show colours (https://no-color.org).
func hasColours(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
