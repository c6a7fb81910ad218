package process

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// OwnSession keeps an interrupt at the console from cmd. A command line for cmd.exe goes there as
// it is: cmd.exe does not read the quotes by which arguments are passed otherwise.
func OwnSession(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
	a := cmd.Args
	if len(a) == 4 && strings.EqualFold(filepath.Base(a[0]), "cmd.exe") && a[1] == "/s" && a[2] == "/c" {
		cmd.SysProcAttr.CmdLine = syscall.EscapeArg(a[0]) + ` /s /c "` + a[3] + `"`
	}
}

// Kill kills cmd. What cmd has started goes on.
func Kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it fails only if cmd has ended

func hangUp(cmd *exec.Cmd) { Kill(cmd) }

// IsClosedPipe reports whether a write failed because nobody reads any more.
func IsClosedPipe(err error) bool {
	const noData = syscall.Errno(232) // ERROR_NO_DATA
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, noData)
}
