// Package options parses the options of a command with urfave/cli.
package options

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

// Line is the command line of one command, as urfave/cli parses it.
type Line struct {
	Flags []cli.Flag
	Words []string // each --NAME=VALUE
	Args  []string
}

// Add adds an option with its value. It returns an error that says what is wanted, as those of
// urfave/cli do not, if text cannot be the value. from names where the text is from.
func (l *Line) Add(flag cli.Flag, from, text string) error {
	value, want, err := text, "", error(nil)
	switch flag.(type) {
	case *cli.BoolFlag:
		want = "true or false"
		_, err = strconv.ParseBool(text)
	case *cli.DurationFlag:
		want = "a duration such as 90s, 2m or 1h30m"
		_, err = time.ParseDuration(text)
	case *cli.IntFlag:
		want = "a whole number"
		var n int
		n, err = strconv.Atoi(text)
		value = strconv.Itoa(n) // urfave/cli would read 010 as 8
	}
	if err != nil {
		return fmt.Errorf("%s: want %s, got %q", from, want, text)
	}
	l.Words = append(l.Words, "--"+flag.Names()[0]+"="+value)
	return nil
}

// AddVariable adds an option with the value of an environment variable, if that is set. An empty one
// is a value only for a text or a list.
func (l *Line) AddVariable(flag cli.Flag, name string) error {
	text, ok := os.LookupEnv(name)
	switch flag.(type) {
	case *cli.StringFlag, *cli.StringSliceFlag:
	default:
		ok = text != ""
	}
	if !ok {
		return nil
	}
	return l.Add(flag, name, text)
}

// Call calls the action of a command.
func (l *Line) Call(ctx context.Context, out, errout io.Writer, action cli.ActionFunc) error {
	app := &cli.App{
		Name: "runbook", Writer: out, ErrWriter: errout, HideHelp: true, HideVersion: true,
		Flags: l.Flags, Action: action,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // only main ends the process
	}
	words := append([]string{app.Name}, l.Words...)
	return app.RunContext(ctx, append(append(words, "--"), l.Args...))
}
