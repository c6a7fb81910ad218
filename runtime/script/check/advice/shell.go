// Package advice knows what admins write by habit from shells and other tools, and what to write
// instead.
package advice

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// ShellOnly are builtins of a shell that change only the shell itself, and assignments.
var ShellOnly = []string{
	"cd", "export", "umask", "ulimit", ".", "source", "exec", "eval", "exit", "trap", "set", "alias", "unset",
}

var (
	aloneInShell = regexp.MustCompile(`^\s*(cd|export|source|\.|umask|alias|unset|ulimit)(\s[^;&|\n]*)?$`)
	sourced      = regexp.MustCompile(`(^|[;&|\n]\s*)source\s+(\S+)`)
	redirection  = regexp.MustCompile(`(^|[^0-9&>=<-])>>?\s*([^\s&>|;)]+)`)
	commandEnd   = regexp.MustCompile(`&&|\|\||[;\n|]`)
	nextCommand  = regexp.MustCompile(`^[^'"]*(?:[;|(\n]|[^>]&)\s*$`)
)

// WithoutEffect says why a builtin of the shell alone has no effect, and what to use instead.
func WithoutEffect(word string) string {
	const why = " has no effect on later commands, because each runs in a shell of its own: "
	switch word {
	case "cd":
		return word + why + "give the command cwd = \"…\""
	case "export", "unset":
		return word + why + "give the command env = { NAME = \"…\" }"
	case "source", ".":
		return word + why + "call the program by its path, such as \"venv/bin/python\", or join both with &&"
	case "umask":
		return word + why + "use host:permissions({ umask = \"…\" })"
	}
	return word + why + "join it with the next command by &&"
}

// EndsCommand reports whether another command follows a part of a shell command, as after a pipe.
func EndsCommand(part string) bool { return nextCommand.MatchString(part) }

// Changing returns the beginning of the first command in a text that changes something, or "".
func Changing(text string) string {
	for _, m := range redirection.FindAllStringSubmatch(text, -1) {
		if target := strings.Trim(m[2], `"'`); target != "" && !strings.HasPrefix(target, "/dev/") &&
			!strings.ContainsAny(m[0], `"'`) {
			return "> " + target
		}
	}
	if strings.ContainsAny(text, `'"`) { // a text in quotes is not a command
		return Changes(strings.Fields(commandEnd.Split(text, 2)[0]))
	}
	for _, command := range commandEnd.Split(text, -1) {
		if what := Changes(strings.Fields(command)); what != "" {
			return what
		}
	}
	return ""
}

// changingCommands are programs that change something: always, or with one of these words after it.
var changingCommands = map[string][]string{
	"rm": nil, "rmdir": nil, "mv": nil, "cp": nil, "mkdir": nil, "touch": nil, "ln": nil, "chmod": nil, "chown": nil,
	"chgrp": nil, "install": nil, "dd": nil, "useradd": nil, "adduser": nil, "userdel": nil, "usermod": nil,
	"groupadd": nil, "kill": nil, "pkill": nil, "killall": nil, "reboot": nil, "shutdown": nil, "truncate": nil,
	"a2ensite": nil, "a2dissite": nil, "a2enmod": nil, "certbot": nil, "createdb": nil, "dropdb": nil, "unzip": nil,
	"systemctl": {"start", "stop", "restart", "reload", "enable", "disable", "daemon-reload", "mask", "unmask",
		"try-restart", "reload-or-restart"},
	"apt-get": {"install", "remove", "purge", "update", "upgrade", "dist-upgrade", "autoremove", "clean"},
	"apt":     {"install", "remove", "purge", "update", "upgrade", "full-upgrade", "autoremove"},
	"yum":     {"install", "remove", "update", "upgrade"}, "dnf": {"install", "remove", "update", "upgrade"},
	"apk": {"add", "del", "upgrade"}, "pip": {"install", "uninstall"}, "pip3": {"install", "uninstall"},
	"npm": {"install", "ci", "run"}, "yarn": {"install"}, "bundle": {"install"}, "composer": {"install", "update"},
	"git":    {"clone", "pull", "fetch", "checkout", "reset", "commit", "push", "merge", "clean", "init"},
	"docker": {"run", "rm", "rmi", "stop", "start", "restart", "pull", "build", "kill", "prune"},
	"sed":    {"-i"}, "make": {"install"}, "service": {"start", "stop", "restart", "reload"},
	"manage.py":     {"migrate", "collectstatic", "flush", "loaddata"},
	"supervisorctl": {"start", "stop", "restart", "update"},
}

// Changes returns the words that show that a command changes something, or "".
func Changes(words []string) string {
	for len(words) > 0 && (strings.Contains(words[0], "=") || words[0] == "sudo" || words[0] == "-n" ||
		strings.HasPrefix(path.Base(words[0]), "python")) {
		words = words[1:]
	}
	if len(words) == 0 || slices.Contains(words, "-s") || slices.Contains(words, "--dry-run") ||
		slices.Contains(words, "--simulate") || slices.Contains(words, "--help") ||
		slices.Contains(words, "--version") {
		return ""
	}
	program := path.Base(words[0])
	with, known := changingCommands[program]
	if !known || program == "kill" && slices.Contains(words, "-0") {
		return ""
	}
	if with == nil {
		return program
	}
	for _, w := range words[1:] {
		if slices.Contains(with, w) {
			return program + " " + w
		}
	}
	return ""
}

// neverFails are programs whose failure in a pipeline is of no interest.
var neverFails = []string{"echo", "printf", "yes", "true", "seq", "ls", "cat", "ps", "find", "sort", "df", "grep",
	"head", "tail", "wc", "cut",
	"awk", "sed", "tr", "uniq", "du", "date", "id", "who", "hostname", "uname", "uptime", "journalctl", "dmesg", "X"}

// fetching are programs whose failure leaves incomplete output, even in a command that only reads.
var fetching = []string{
	"curl", "wget", "pg_dump", "mysqldump", "psql", "mysql", "git", "ssh", "docker", "kubectl", "tar", "openssl",
	"redis-cli",
}

// LostStatus returns the program in a pipeline whose failure is not noticed, or "".
func LostStatus(text string, reads bool) string {
	if strings.ContainsAny(text, "\"'`$") && !regexp.MustCompile(`^[\w./ -]+ \|`).MatchString(text) ||
		strings.Contains(text, "pipefail") {
		return ""
	}
	rest := strings.ReplaceAll(text, "||", "\n")
	for _, line := range regexp.MustCompile(`&&|[;\n]`).Split(rest, -1) {
		commands := strings.Split(line, "|")
		for _, command := range commands[:len(commands)-1] {
			words := strings.Fields(command)
			for len(words) > 0 && (words[0] == "sudo" || strings.Contains(words[0], "=") || words[0] == "!") {
				words = words[1:]
			}
			if len(words) == 0 {
				continue
			}
			program := path.Base(words[0])
			if reads && slices.Contains(fetching, program) || !reads && !slices.Contains(neverFails, program) {
				return words[0]
			}
		}
	}
	return ""
}

// noShell are words that only a shell understands.
var noShell = []string{"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>", "1>&2", ">&2", "2>/dev/null",
	">/dev/null"}

// interpreters are programs to which such words and patterns are passed on purpose.
var interpreters = []string{
	"sh", "bash", "dash", "zsh", "ssh", "python", "python3", "perl", "ruby", "awk", "sed", "grep", "egrep", "find",
	"expr", "test", "[", "env",
	"rsync", "tar", "git", "psql", "mysql", "sudo", "jq", "xargs",
}

// shellVariable matches a variable of the shell.
var shellVariable = regexp.MustCompile(`^\$\{?[A-Za-z_][A-Za-z0-9_]*\}?$`)

// NeedsShell reports whether a word of a list, after the program, has a meaning only for a shell.
func NeedsShell(program, word string) bool {
	if slices.Contains(interpreters, path.Base(program)) {
		return false
	}
	isPattern := strings.ContainsAny(word, "*?") && strings.Contains(word, "/") && !strings.HasPrefix(word, "-") &&
		!strings.Contains(word, "://")
	return slices.Contains(noShell, word) || isPattern || word == "*" || shellVariable.MatchString(word)
}

// Alone returns the builtin of a shell that is all of a command, such as cd, or "".
func Alone(text string) string {
	if m := aloneInShell.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// Sourced returns the file that a command reads with source, which /bin/sh may not have, or "".
func Sourced(text string) string {
	if m := sourced.FindStringSubmatch(text); m != nil && !strings.Contains(text, "bash") {
		return m[2]
	}
	return ""
}
