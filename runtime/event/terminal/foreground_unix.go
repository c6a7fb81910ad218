//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground reports whether this program may draw on the terminal, which a background job may
// not. If the terminal is not the controlling one, it has no other owner.
func inForeground(screen *os.File) bool {
	owner, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPGRP)
	return err != nil || owner == unix.Getpgrp()
}
