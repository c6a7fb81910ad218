package shell

import (
	"context"
	"fmt"
	"strings"

	"runbook/runtime/script"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/typed"
)

// scriptArgs are the arguments of host:script.
type scriptArgs struct {
	File script.File  `lua:"file,arg" doc:"the script, such as \"look.sh\", beside the recipe or in its lib folder"`
	Args script.Words `lua:"args,arg,rest" doc:"its arguments, which are quoted"`

	Changes     bool   `lua:"changes" default:"true" doc:"whether the script changes anything; false runs it in a dry run too"`
	Interpreter string `lua:"interpreter" doc:"the program to run it with, such as a release's Python, instead of the one in its first line"`
	runOptions
}

// Effect decides whether a dry run leaves the call out.
func (a scriptArgs) Effect() script.Effect {
	if a.Changes {
		return script.Changes
	}
	return script.Reads
}

// maxScript keeps a script under the 128 KiB that Linux allows one argument to have.
const maxScript = 120 << 10

// luaScript passes the script's text to its interpreter as an argument. That costs one command in
// the shell, and leaves stdin to the script.
func luaScript(ctx context.Context, h *Host, a scriptArgs) (Result, error) {
	a.File.Text = strings.ReplaceAll(a.File.Text, "\r\n", "\n") // as git on Windows may have checked it out
	if len(a.File.Text) > maxScript {
		return Result{}, fmt.Errorf("%s has %d bytes; a script may have at most %d",
			a.File.Path, len(a.File.Text), maxScript)
	}
	argv, err := commandline.Interpret(a.File.Name, a.File.Text, a.Interpreter)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", a.File.Path, err)
	}
	h.Hide(a.Secret) // before Line cuts an argument: half a secret is not recognized
	shown := typed.Line(append([]string{a.File.Name}, a.Args...), h.pool.stream.Redact)
	c, err := a.with(Command{Argv: append(argv, a.Args...), Shown: shown})
	if err != nil {
		return Result{}, err
	}
	return h.Run(ctx, c)
}
