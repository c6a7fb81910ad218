package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Prompter asks the admin on a terminal.
type Prompter struct {
	in    *os.File
	lines *bufio.Reader
	out   io.Writer
	pause func() (resume func()) // clears the screen for a question
	one   sync.Mutex             // hosts may ask at the same time
}

// NewPrompter returns nil if in is not a terminal.
func NewPrompter(in *os.File, out io.Writer, pause func() (resume func())) *Prompter {
	if !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return &Prompter{in: in, lines: bufio.NewReader(in), out: out, pause: pause}
}

// Ask returns the answer to a question. A secret is read without echo.
func (p *Prompter) Ask(ctx context.Context, question string, secret bool) (string, error) {
	p.one.Lock()
	defer p.one.Unlock()
	defer p.pause()()
	if err := write(p.out, event.OneLine(question)); err != nil {
		return "", err
	}
	fd := int(p.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	text, err := await(ctx, func() (string, error) {
		if secret {
			text, err := term.ReadPassword(fd)
			return string(text), err
		}
		line, err := p.lines.ReadString('\n')
		return strings.TrimRight(line, "\r\n"), err
	})
	if ctx.Err() != nil && err != nil {
		if restoring := term.Restore(fd, before); restoring != nil {
			return "", fmt.Errorf("the terminal: %w", restoring)
		}
		return "", errors.Join(err, write(p.out, "\n")) // the question stays on its line
	}
	if secret {
		err = errors.Join(err, write(p.out, "\n"))
	}
	return text, err
}

// await returns what read returns, or why ctx ended. Nothing can cancel a read of a terminal, so
// the read is abandoned.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	return ssh.Await(ctx, read, func(string) {})
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
