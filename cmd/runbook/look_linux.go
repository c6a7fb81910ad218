package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// processTime is how long this process has used processors, or passed where that is not known.
func processTime(passed time.Duration) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return passed
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// limitProcess lets this process have lookMemory bytes more than it has, and no core dump. It uses the processor for twice
// lookLimit at most: for when its parent was killed, which ends it otherwise.
func limitProcess() error {
	pages := uint64(2 << 30 / os.Getpagesize()) // where there is no /proc: more than a Go program begins with
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(text), &pages); err != nil {
			return fmt.Errorf("/proc/self/statm: %w", err)
		}
	}
	for resource, most := range map[int]uint64{
		syscall.RLIMIT_AS:   pages*uint64(os.Getpagesize()) + lookMemory,
		syscall.RLIMIT_CORE: 0,
		syscall.RLIMIT_CPU:  uint64(2 * lookLimit / time.Second),
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(resource, &now); err != nil {
			return err
		}
		most = min(most, now.Max) // a lower one stays
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}
