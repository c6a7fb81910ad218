//go:build !unix

package lab

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

type signal int

// supported returns why this system cannot run a lab.
func supported() error {
	return errors.New("a lab runs commands with /bin/sh, which " + runtime.GOOS + " does not have; use Linux or macOS")
}

func shortTemp() string { return os.TempDir() }

func ownSession(*exec.Cmd) {}

func signalGroup(int, signal) error { return supported() }

func groupExists(int) bool { return false }

func signalNumber(string) (signal, bool) { return 0, false }

func ending(state *os.ProcessState) (code int, name string) { return state.ExitCode(), "" }
