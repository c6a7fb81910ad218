//go:build !unix

package main

// suspending has nothing to do where no signal stops a process.
func suspending(func() (resume func())) (end func()) { return func() {} }
