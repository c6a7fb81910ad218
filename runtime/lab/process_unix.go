//go:build unix

package lab

import (
	"os"
	"os/exec"
	"syscall"
)

type signal = syscall.Signal

// supported is nil where servers can run.
func supported() error { return nil }

// shortTemp is a folder for temporary files with a short path; the system's own on macOS is long.
func shortTemp() string { return "/tmp" }

func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func signalGroup(id int, number signal) error { return syscall.Kill(-id, number) }

func groupExists(id int) bool { return syscall.Kill(-id, 0) == nil }

// signals are those that sshd forwards.
func signals() map[string]signal {
	return map[string]signal{
		"ABRT": syscall.SIGABRT, "ALRM": syscall.SIGALRM, "FPE": syscall.SIGFPE, "HUP": syscall.SIGHUP,
		"ILL": syscall.SIGILL, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "PIPE": syscall.SIGPIPE,
		"QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1,
		"USR2": syscall.SIGUSR2,
	}
}

func signalNumber(name string) (signal, bool) {
	number, known := signals()[name]
	return number, known
}

// ending is how a process ended: its status, or the name of the signal.
func ending(state *os.ProcessState) (code int, name string) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return state.ExitCode(), ""
	}
	for name, number := range signals() {
		if number == status.Signal() {
			return 0, name
		}
	}
	return 128 + int(status.Signal()), ""
}
