package console

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/run"
)

// errExit ends a loop because the user asked for that.
var errExit = errors.New("exit")

// command matches a line that is for the console itself. No Lua statement begins like that.
var command = regexp.MustCompile(`^\s*(?:(exit|quit)(?:\s*\(\s*\))?` +
	`|(?:help\b|\?)(?:\s*\(\s*\)|\s*([A-Za-z_][\w.:[\]]*))?)\s*$`)

const help = `A line is Lua, and runs on the hosts. The value of an expression is shown:
  hosts[1]:capture("uname -r")
  each(hosts, function(host) host:run("uptime") end)

help NAME   what NAME does, such as help h:run for a host h, or help cwd; ? is short for help
exit        ends the console, as quit and Ctrl-D do
Tab         completes names
Ctrl-C      cancels the line, or what it runs
`

// ownCommand runs a line that is for the console itself, and reports whether it was one. It returns
// what to show, and errExit after exit.
func (l *Loop) ownCommand(line string) (text string, own bool, err error) {
	found := command.FindStringSubmatch(line)
	switch {
	case found == nil:
		return "", false, nil
	case found[1] != "":
		return "", true, errExit
	case found[2] == "":
		return help, true, nil
	}
	name := found[2]
	if declared := l.Console.Declared(name); declared != "" {
		name = declared
	}
	text, err = l.Docs(name)
	return text, true, run.Usage(err)
}

// completeOwn completes a line for the console itself: it returns the typed part of the last word,
// and the words that it may become.
func (l *Loop) completeOwn(line string) (typed string, words []string) {
	typed, words = strings.TrimLeft(line, " "), []string{"exit", "help", "quit"}
	if name, ok := strings.CutPrefix(typed, "help "); ok {
		typed, words = name, slices.Clone(l.Names)
	}
	return typed, slices.DeleteFunc(words, func(word string) bool { return !strings.HasPrefix(word, typed) })
}
