// Package platform holds what differs between Unix and Windows for SSH.
package platform

import (
	"path/filepath"
	"strings"
)

// AddLine returns the command that adds a line to a file on Windows, for PowerShell and cmd.exe.
func AddLine(file, line string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return `powershell -Command "mkdir -Force ` + quote(filepath.Dir(file)) + " | Out-Null; Add-Content " +
		quote(file) + " " + quote(line) + `"`
}
