package commandline

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/ssh"
)

// Body is the subshell of a command in the long-lived shell.
type Body struct {
	Line     string            // for /bin/sh
	Words    bool              // Line is a list of quoted words
	Cwd      string            // the folder to run in, or ""
	Env      map[string]string // variables to export
	Pipefail bool              // the status is that of the last command of a pipe that failed
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// pipefailScript runs the text in the variable runbook_line.
//
//go:embed pipefail.sh
var pipefailScript string

// Script returns the script of a subshell that changes folder, sets variables and runs the line. It
// fails if a name of a variable is invalid or a value cannot be quoted. A folder that cannot be
// entered is status 126, as for a command that cannot be run.
//
// A line runs inside eval, so that a syntax error ends the subshell alone. Quoted words cannot have
// one, and without eval the subshell replaces itself by the program, which saves a process.
func (b Body) Script() (string, error) {
	var s strings.Builder
	if b.Cwd != "" {
		dir, err := ssh.Quote(b.Cwd)
		if err != nil {
			return "", fmt.Errorf("cwd: %w", err)
		}
		s.WriteString("cd -- " + dir + " || exit 126; ")
	}
	if len(b.Env) > 0 {
		s.WriteString("export")
		for _, name := range slices.Sorted(maps.Keys(b.Env)) {
			if !variableName.MatchString(name) {
				return "", fmt.Errorf("env: %q is not a valid name of a variable", name)
			}
			value, err := ssh.Quote(b.Env[name])
			if err != nil {
				return "", fmt.Errorf("env: %s: %w", name, err)
			}
			s.WriteString(" " + name + "=" + value)
		}
		s.WriteString(" && ")
	}
	if b.Words {
		return s.String() + b.Line, nil
	}
	// The space keeps eval from reading a line that begins with a dash as an option.
	quoted, err := ssh.Quote(" " + b.Line)
	if err != nil {
		return "", err
	}
	if b.Pipefail {
		return s.String() + "{ runbook_line=" + quoted + "\n" + pipefailScript + "}", nil
	}
	return s.String() + "eval " + quoted, nil
}
