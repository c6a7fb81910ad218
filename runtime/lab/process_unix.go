//go:build unix

package lab

import (
	"os"
	"os/exec"
	"syscall"
)

type signal = syscall.Signal

// supported returns why this system cannot run a lab, or nil.
func supported() error { return nil }

// shortTemp returns a temporary folder with a short path. The default one of macOS is too long for
// sockets.
func shortTemp() string { return "/tmp" }

func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func signalGroup(id int, number signal) error { return syscall.Kill(-id, number) }

func groupExists(id int) bool { return syscall.Kill(-id, 0) == nil }

// signals returns the signals that sshd forwards, by name.
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

// ending returns how a process ended: its exit status, or the name of the signal.
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
