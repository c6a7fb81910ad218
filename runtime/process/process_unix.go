//go:build unix

package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// OwnSession makes cmd the leader of a session, and so of a process group. No interrupt at the
// terminal reaches it, and a question on the terminal fails instead of stopping it.
func OwnSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// Kill kills cmd and the rest of its group.
func Kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it fails only if all are gone

func hangUp(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGHUP) }

// IsClosedPipe reports whether a write failed because nobody reads any more.
func IsClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
