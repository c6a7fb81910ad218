package shell

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"runbook/runtime/script"
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
	argv, err := scriptArgv(a)
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

// scriptArgv returns the interpreter with the script's text, up to the script's arguments.
func scriptArgv(a scriptArgs) ([]string, error) {
	words := shebang(a.File.Text)
	program := a.Interpreter
	if len(words) > 0 {
		program = words[0]
	}
	if program == "" {
		return nil, errors.New("the first line must name the interpreter, such as #!/bin/sh or #!/usr/bin/env python3")
	}
	var option string
	var after []string
	// python3.11 is Python, too.
	switch name := strings.TrimRight(path.Base(program), "0123456789."); name {
	case "sh", "ash", "bash", "dash", "ksh", "zsh":
		option, after = "-c", []string{a.File.Name} // which is $0
	case "python", "pypy":
		option = "-c"
	case "perl", "ruby":
		option, after = "-e", []string{"--"}
	default:
		return nil, fmt.Errorf("cannot run scripts with %s; "+
			"want sh, ash, bash, dash, ksh, zsh, python, pypy, perl or ruby", program)
	}
	if a.Interpreter != "" {
		words = slices.Concat([]string{a.Interpreter}, words[min(1, len(words)):])
	}
	return slices.Concat(words, []string{option, a.File.Text}, after), nil
}

// shebang returns the words of a script's first line after #!, without env(1): the shell looks for
// the program itself. It returns none when there is no such line.
func shebang(text string) []string {
	line, _, _ := strings.Cut(text, "\n")
	line, ok := strings.CutPrefix(line, "#!")
	words := strings.Fields(line)
	if !ok || len(words) == 0 {
		return nil
	}
	if path.Base(words[0]) == "env" {
		words = words[1:]
		if len(words) > 0 && words[0] == "-S" {
			words = words[1:]
		}
	}
	return words
}
