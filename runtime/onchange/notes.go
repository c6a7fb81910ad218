package onchange

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// notesScript keeps the notes on a host. It documents its tasks.
//
//go:embed notes.sh
var notesScript string

// note is a record of an earlier run that a handler must still be called.
type note struct {
	id   string
	text string // who noted it, and when
}

var (
	validKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	validID  = regexp.MustCompile(`^[A-Z2-7]{10}$`)
)

// longestKey limits the bytes of a key. A regular expression with this limit takes 1 ms to compile.
const longestKey = 100

// mostNotes limits the bytes of all notes of a key.
const mostNotes = 64 << 10

func runNotes(ctx context.Context, h *shell.Host, args ...string) (string, error) {
	r, err := h.Run(ctx, shell.Command{Argv: append([]string{"/bin/sh", "-c", notesScript, "notes.sh"}, args...),
		Shown: "notes.sh " + args[0], Quiet: true, Max: mostNotes, Timeout: time.Minute})
	if err == nil {
		return r.Stdout, nil
	}
	var exit *shell.ExitError
	if errors.As(err, &exit) {
		err = event.WithHint(fmt.Errorf("the notes of on_change: %s", event.OneLine(exit.Tail)),
			"the login user must be able to write ~/.local/state/runbook on the host, or $XDG_STATE_HOME/runbook")
	}
	return "", err
}

// list returns the notes of a key.
func list(ctx context.Context, h *shell.Host, key string) ([]note, error) {
	out, err := runNotes(ctx, h, "list", key)
	if err != nil {
		return nil, err
	}
	var notes []note
	for line := range strings.Lines(out) {
		id, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if validID.MatchString(id) { // other lines are not notes
			notes = append(notes, note{id, event.OneLine(text)})
		}
	}
	return notes, nil
}

func add(ctx context.Context, h *shell.Host, key, id, text string) error {
	_, err := runNotes(ctx, h, "add", key, id, text)
	return err
}

func clearNotes(ctx context.Context, h *shell.Host, key string, ids []string) error {
	_, err := runNotes(ctx, h, append([]string{"clear", key}, ids...)...)
	return err
}
