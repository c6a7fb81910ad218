package lab

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// finish runs a program to its end and returns its output, trimmed; what it says on standard error goes into the
// error when it fails.
func finish(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(stdout.String()),
			fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
