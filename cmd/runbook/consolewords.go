package main

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/run"
)

// errExit ends a console whose user asked for that.
var errExit = errors.New("exit")

// consoleWord matches a line that is for the console itself: no Lua begins so.
var consoleWord = regexp.MustCompile(`^\s*(?:(exit|quit)(?:\s*\(\s*\))?|(?:help\b|\?)(?:\s*\(\s*\)|\s*([A-Za-z_][\w.:]*))?)\s*$`)

// consoleHelp is the text that help prints.
const consoleHelp = `A line is Lua, and runs on the hosts. The value of an expression is shown:
  hosts[1]:capture("uname -r")
  each(hosts, function(host) host:run("uptime") end)

help NAME   what NAME does, such as help host:run; ? is short for help
exit        ends the console, as quit and Ctrl-D do
Tab         completes names
Ctrl-C      ends the line, or what it runs
`

// ownWord does a line that is for the console itself, and says whether it was one. errExit ends the console.
func (s *consoleLoop) ownWord(line string) (own bool, err error) {
	found := consoleWord.FindStringSubmatch(line)
	switch {
	case found == nil:
		return false, nil
	case found[1] != "":
		return true, errExit
	case found[2] == "":
		_, err := io.WriteString(s.out, consoleHelp)
		return true, err
	}
	text, err := run.Docs(found[2], recipetest.API())
	if err == nil {
		_, err = io.WriteString(s.out, text)
	}
	return true, err
}

// completeOwn returns what the end of a line that is for the console itself may become, and the part of it that is typed.
func completeOwn(line string) (typed string, words []string) {
	typed, words = strings.TrimLeft(line, " "), []string{"exit", "help", "quit"}
	if name, ok := strings.CutPrefix(typed, "help "); ok {
		names, err := run.Names(recipetest.API())
		if err != nil { // nobody wants to read of it while typing
			return name, nil
		}
		typed, words = name, names
	}
	return typed, slices.DeleteFunc(words, func(word string) bool { return !strings.HasPrefix(word, typed) })
}
