package sandbox

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// processTime returns the processor time of this process. Where that is unknown it returns
// passed.
func processTime(passed time.Duration) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return passed
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// limitProcess allows this process memory bytes more than it has, and no core dump. The limit of
// processor time is twice Limit: it ends a child whose parent was killed.
func limitProcess() error {
	pages := uint64(2 << 30 / os.Getpagesize()) // used without /proc: more than a Go program begins with
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(text), &pages); err != nil {
			return fmt.Errorf("/proc/self/statm: %w", err)
		}
	}
	for resource, most := range map[int]uint64{
		syscall.RLIMIT_AS:   pages*uint64(os.Getpagesize()) + memory,
		syscall.RLIMIT_CORE: 0,
		syscall.RLIMIT_CPU:  uint64(2 * Limit / time.Second),
	} {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(resource, &now); err != nil {
			return err
		}
		most = min(most, now.Max) // a lower limit stays in force
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}
