//go:build unix

package signals

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// HandleSuspend lets Ctrl-Z stop this process only after pause has cleared the screen, and calls
// resume when the process continues, until end is called.
func HandleSuspend(pause func() (resume func())) (end func()) {
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

// suspend stops this process, and returns when it continues. It uses SIGTTOU: a signal that was
// once caught never gets its default action back in Go, and SIGSTOP would stop even a process that
// no shell can continue.
func suspend() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTTOU); err != nil {
		return // not stopped
	}
	select {
	case <-resumed:
	case <-time.After(time.Second): // not stopped
	}
}
