//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground tells whether the terminal is this program's to draw on, which it is not behind & or bg. Of a terminal that starts
// no jobs here nobody else is the owner.
func inForeground(screen *os.File) bool {
	owner, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPGRP)
	return err != nil || owner == unix.Getpgrp()
}
