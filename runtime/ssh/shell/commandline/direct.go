package commandline

import (
	"slices"
	"strings"

	"runbook/runtime/ssh"
)

// builtins are the keywords and builtins of the shells that can be /bin/sh, which must run them, and
// of zsh. zsh runs its own builtins, and functions of ~/.zshenv, even after exec.
var builtins = strings.Fields(`alias autoload bg bind break builtin bye caller case cd chdir command compgen complete
	compopt continue coproc declare dirs disable disown do done echo elif else enable end enum esac eval exec exit export
	false fc fg fi float for foreach function functions getln getopts hash help hist history if in integer jobs kill let
	limit local log logout mapfile nameref namespace nocorrect noglob popd print printf pushd pwd r read readarray readonly
	rehash repeat return sched select set setopt shift shopt source stop suspend test then time times trap true type
	typeset ulimit umask unalias unlimit unset until vared wait whence where which while`)

// Direct returns the command line that prints mark as a line to both streams and replaces the login
// shell by the program of command, with no input. It returns "" if a shell could read command in
// another way than /bin/sh.
//
// After exec no shell looks for aliases. tcsh refuses >/dev/stderr after "set noclobber". tcsh and
// fish go on after an exec that failed, and tcsh's status would be 1: then /bin/sh fails again.
func Direct(command, mark string) string {
	words := strings.Fields(command)
	if len(words) == 0 || !isProgram(words[0]) || !ssh.Harmless(command, '=', ' ') {
		return ""
	}
	for _, w := range words[1:] {
		// zsh replaces =NAME by a path, and an old fish %NAME by a process.
		if w[0] == '=' || w[0] == '%' {
			return ""
		}
	}
	run := "exec " + strings.Join(words, " ") + " </dev/null"
	return "echo '" + mark + "'; echo '" + mark + "' >>/dev/stderr; " + run + "; exec /bin/sh -c '" + run + "'"
}

// isProgram reports whether a word in front can only be a program's name.
func isProgram(word string) bool {
	return ssh.Harmless(word) && !strings.ContainsAny(word[:1], "-+,.:@%") && !slices.Contains(builtins, word)
}
