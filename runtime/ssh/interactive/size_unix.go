//go:build unix

package interactive

import (
	"os"
	"os/signal"
	"syscall"
)

// followSize calls changed when the terminal may have another size, until stop is called.
func followSize(changed func()) (stop func()) {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-resized:
				changed()
			}
		}
	}()
	return func() {
		signal.Stop(resized)
		close(quit)
		<-done
	}
}
