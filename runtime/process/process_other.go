//go:build !unix

package process

import "os/exec"

// OwnSession does nothing: without /bin/sh no command can start anyway.
func OwnSession(*exec.Cmd) {}

// Kill kills cmd.
func Kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it fails only if cmd has ended

func hangUp(cmd *exec.Cmd) { Kill(cmd) }
