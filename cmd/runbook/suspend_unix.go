//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// suspending lets Ctrl-Z stop this process only when nothing is drawn any more, and draws anew when it goes on. What it
// returns ends that.
func suspending(pause func() (resume func())) (end func()) {
	if signal.Ignored(syscall.SIGTSTP) {
		return func() {}
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTSTP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-asked:
			}
			resume := pause()
			suspend()
			resume()
		}
	}()
	return func() {
		close(quit)
		<-done
		signal.Stop(asked)
	}
}

// suspend stops this process, and returns when it goes on. It does so by SIGTTOU, because Go gives a signal that was once asked for
// no default action any more; and not by SIGSTOP, because the system must not stop what no shell could continue.
func suspend() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTTOU); err != nil {
		return // then there is nothing to come back from
	}
	select {
	case <-resumed:
	case <-time.After(time.Second): // it wasn't stopped
	}
}
