package commandline

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Interpret returns the words that run a script: the interpreter with the script's text, up to the
// script's arguments. The interpreter "" is the one in the script's first line. It fails if that
// line names none, or one that cannot get a script as an argument.
func Interpret(name, text, interpreter string) ([]string, error) {
	words := shebang(text)
	program := interpreter
	if len(words) > 0 {
		program = words[0]
	}
	if program == "" {
		return nil, errors.New("the first line must name the interpreter, such as #!/bin/sh or #!/usr/bin/env python3")
	}
	var option string
	var after []string
	// python3.11 is Python, too.
	switch base := strings.TrimRight(path.Base(program), "0123456789."); base {
	case "sh", "ash", "bash", "dash", "ksh", "zsh":
		option, after = "-c", []string{name} // which is $0
	case "python", "pypy":
		option = "-c"
	case "perl", "ruby":
		option, after = "-e", []string{"--"}
	default:
		return nil, fmt.Errorf("cannot run scripts with %s; "+
			"want sh, ash, bash, dash, ksh, zsh, python, pypy, perl or ruby", program)
	}
	if interpreter != "" {
		words = slices.Concat([]string{interpreter}, words[min(1, len(words)):])
	}
	return slices.Concat(words, []string{option, text}, after), nil
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
