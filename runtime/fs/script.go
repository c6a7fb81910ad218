package fs

import (
	_ "embed"
	"slices"
	"strings"

	"runbook/runtime/ssh/shell"
)

// The scripts document their arguments and what they print. Each call of one is one round trip.
var (
	//go:embed look.sh
	lookScript string
	//go:embed change.sh
	changeScript string
	//go:embed put.sh
	putScript string
	//go:embed append.sh
	appendScript string
)

// run runs a script in the long-lived shell of the user, and returns what it printed, of at most
// max bytes.
func (o *operation) run(max int, script string, args ...string) (string, error) {
	return o.result(o.host.Run(o.ctx, o.command(script, args, max)))
}

// result returns what a script printed, or its error.
func (o *operation) result(r shell.Result, err error) (string, error) {
	switch {
	case err != nil:
		err = failedRun{err}
	case r.Code != 0:
		err = o.hostError(r)
	}
	return r.Stdout, err
}

// command returns the command of a script, which errors call by the name of the operation.
func (o *operation) command(script string, args []string, max int) shell.Command {
	return shell.Command{Script: script, Args: args, Shown: o.name + " " + o.path, Sudo: o.user, Resident: true,
		Quiet: true, AnyStatus: true, Max: max}
}

// change runs an operation of changeScript. It returns the first line of the output, and the rest.
func (o *operation) change(operation string, args ...string) (did, rest string, err error) {
	out, err := o.run(2*maxName, changeScript, append([]string{operation, o.path}, args...)...)
	did, rest, _ = strings.Cut(out, "\n")
	return did, rest, err
}

// carried reports whether a text is passed as an argument of its script. Other texts, and secrets,
// go to stdin, which takes a session of its own.
func carried(text string, secret bool) bool {
	const most = 64 << 10
	return !secret && len(text) <= most && strings.IndexByte(text, 0) < 0
}

// withText runs a script with a text, which becomes its arguments SOURCE and TEXT.
func (o *operation) withText(
	script string, args []string, text string, secret bool, more ...string,
) (shell.Result, error) {
	if carried(text, secret) {
		return o.host.Run(o.ctx, o.command(script, slices.Concat(args, []string{"here", text}, more), 2*maxName))
	}
	c := o.command("", nil, 2*maxName)
	c.Argv = slices.Concat([]string{"/bin/sh", "-c", script, "sh"}, args, []string{"stdin", ""}, more)
	c.Stdin, c.Resident = &text, false
	return o.host.Run(o.ctx, c)
}

// yes returns an argument of a script.
func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
