// Package commandline builds the scripts that run on hosts, and the command lines that start them.
//
// sshd passes a command line to the login shell, which is the user's choice: sh, bash, zsh, fish and
// tcsh read these lines in the same way.
package commandline

import (
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/ssh"
)

// Group is a script that prints the pid of the shell and its process group, or 0 for a group that
// is not known. sshd makes the shell the leader of its group. If something else leads it, ending
// the group could end processes that are not ours.
const Group = `if [ -r /proc/$$/stat ]; then read -r _ _ _ _ g _ </proc/$$/stat; ` +
	`else g=$(ps -o pgid= -p $$ 2>/dev/null || echo 0); fi; echo " $$ $g"; unset g`

// LedGroup returns the process group in Group's line, or 0 if the shell does not lead it.
func LedGroup(line string) int64 {
	pid, group, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(strings.TrimSpace(group), 10, 64)
	if err != nil || n <= 1 || strings.TrimSpace(pid) != strings.TrimSpace(group) {
		return 0
	}
	return n
}

// Guarded returns a script that becomes the /bin/sh that executes the script on stdin. Before that it
// waits for an empty line, and exits after this many seconds of silence; 0 is for not to wait. So no
// shell is left behind if the network is cut before a keeper knows of it.
func Guarded(silence int64) string {
	if silence == 0 {
		return "exec /bin/sh"
	}
	return fmt.Sprintf(`if command -v timeout >/dev/null 2>&1; then timeout %d /bin/sh -c "read -r line" || exit; fi; `+
		`exec /bin/sh`, silence)
}

// Start returns the command line of a /bin/sh that executes script. Login shells of all kinds read
// the line: in script there must be no single quote, backslash or line break, and a space after each
// exclamation mark.
func Start(script string) string { return "exec /bin/sh -c '" + script + "'" }

// Script returns the command line of a /bin/sh that reads a script of n bytes from stdin and
// leaves the rest of stdin to that script. So no login shell parses the script, no limit for
// arguments applies, and the host's process list does not show it. dd reads byte by byte, and so
// never too much. It writes the script in one piece, because a write for each byte would wake the
// shell each time.
//
// The caller sends the script at once. If it does not arrive within a minute, the network was cut,
// and the shell exits.
func Script(n int) string {
	return Start(fmt.Sprintf(`! command -v timeout >/dev/null 2>&1 || set -- timeout 60; `+
		`runbook_script=$("$@" dd ibs=1 obs=65536 count=%d 2>/dev/null) && eval "$runbook_script"`, n))
}

// WithSudo wraps the body of a command for the long-lived shell. Under sudo the body travels
// through a pipe, so that the host's process list shows neither it nor its variables. begin is
// printed when sudo has started the command. sudo has a umask of its own, so umask sets it again.
func WithSudo(umask, body, sudo, begin string) (string, error) {
	if sudo == "" {
		return body, nil
	}
	user, err := ssh.Quote(sudo)
	if err != nil {
		return "", fmt.Errorf("sudo: %w", err)
	}
	inner, err := ssh.Quote("printf '%s' '" + begin + "' >&2; " + umask + body)
	if err != nil {
		return "", err
	}
	return "printf '%s' " + inner + " | sudo -n -u " + user + ` -- /bin/sh -c 'eval "$(cat)" </dev/null'`, nil
}
