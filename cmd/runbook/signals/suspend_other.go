//go:build !unix

package signals

// HandleSuspend does nothing where no signal stops a process.
func HandleSuspend(func() (resume func())) (end func()) { return func() {} }
