package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fault is a fault to inject, and its repair: a cable is plugged in again, somebody frees disk
// space.
type fault struct {
	name   string
	strike func(t *testing.T, s *matrixSite, process *os.Process, host string)
	mend   func(t *testing.T, s *matrixSite, host string) // after the hosts were looked at; nil for nothing
	// within limits the time that leftover processes take to end
	within time.Duration
	// codes are the allowed exit statuses, besides that of a complete run
	codes []int
}

// soon is the limit for what ends with a closed connection.
const soon = 15 * time.Second

func signalling(signals ...os.Signal) func(*testing.T, *matrixSite, *os.Process, string) {
	return func(t *testing.T, _ *matrixSite, process *os.Process, _ string) {
		for _, s := range signals {
			_ = process.Signal(s) // it may have ended just before
		}
	}
}

func shortFaults() []fault {
	return []fault{
		{name: "sigint", strike: signalling(syscall.SIGINT), within: soon, codes: []int{130}},
		{name: "sigkill", strike: signalling(syscall.SIGKILL), within: soon, codes: []int{-1}},
	}
}

// fullFaults returns all faults. Faults of a host strike the host of the operation.
func fullFaults() []fault {
	return append(shortFaults(),
		fault{name: "sigterm", strike: signalling(syscall.SIGTERM), within: soon, codes: []int{130}},
		// When a cable is cut, neither side learns of the other's end: both must notice the
		// silence.
		fault{name: "link", strike: func(t *testing.T, s *matrixSite, _ *os.Process,
			host string) {
			link(t, s, host, false)
		},
			mend: func(t *testing.T, s *matrixSite, host string) { link(t, s, host, true) }, within: 90 * time.Second,
			codes: []int{1, 3}},
		fault{name: "sshd", strike: killSSHD, within: soon, codes: []int{1, 3}},
		fault{name: "disk", strike: fillDisk, mend: emptyDisk, within: soon, codes: []int{1, 3}},
		fault{name: "clock", strike: turnClock, mend: setClock, within: soon},
	)
}

func link(t *testing.T, s *matrixSite, host string, up bool) {
	if err := s.real.Link(host, up); err != nil {
		t.Error(err)
	}
}

// killSSHD kills the processes of the host's sshd that serve connections, but not the listening
// one.
func killSSHD(t *testing.T, s *matrixSite, _ *os.Process, host string) {
	s.shell(t, host, `ps -eo pid=,args= | while read -r pid args; do `+
		`case $args in "sshd: "*) kill -s KILL "$pid" || :;; esac; done`)
}

// fillDisk fills the file system of the releases, a tmpfs.
func fillDisk(t *testing.T, s *matrixSite, _ *os.Process, host string) {
	s.shell(t, host, `for n in 1 2 3 4 5; do
		used=$(df -Pk /srv | awk 'NR == 2 { print $3 }')
		mount -o "remount,size=${used}k" /srv 2>/dev/null && exit 0
	done; exit 1`) // more may have been written meanwhile
}

func emptyDisk(t *testing.T, s *matrixSite, host string) {
	s.look(t, host, "mount", "-o", "remount,size=50%", "/srv")
}

// turnClock fakes a wrong clock, because all namespaces share the wall clock of this machine.
// date(1) on the host prints the next day; the kernel's time, and so the times of files, stay
// right.
func turnClock(t *testing.T, s *matrixSite, _ *os.Process, host string) {
	dir := s.real.Dir
	program := filepath.Join(dir, "date."+host)
	if err := os.WriteFile(program,
		[]byte("#!/bin/sh\n# stands in for date on a host whose clock is a day ahead\n"+
			"exec "+dir+"/realdate --date=tomorrow \"$@\"\n"), 0o755); err != nil {
		t.Error(err)
	}
	s.shell(t, host, `cp -n /usr/bin/date "$1/realdate"; mount --bind "$2" /usr/bin/date`, dir, program)
}

func setClock(t *testing.T, s *matrixSite, host string) { s.look(t, host, "umount", "/usr/bin/date") }

func inTurn(faults []fault) string {
	var all []string
	for _, f := range faults {
		all = append(all, f.name)
	}
	return strings.Join(all, " then ")
}
