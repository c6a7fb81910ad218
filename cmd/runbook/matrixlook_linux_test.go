package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/lab/labtest"
)

// sight is the state of a host after a run, inspected without runbook.
type sight struct {
	link   string // what current points to
	marker string // the .runbook.json there
	log    string // releases.log
	leaked string // files that the run wrote with the deploy key in them
	answer string // what is served; "" where nothing is
}

// leaked searches everything that is newer than the file $3 for the line $2, where user $6 may
// write: the host's root, that user's home $7, and the user's files in world-writable folders. It
// leaves out $4, the lab's own folder.
const leaked = `{ find "$1" "$7" -type f -newer "$3"
find /tmp /var/tmp /dev/shm -maxdepth 3 -name "$4" -prune -o -user "$6" -type f -newer "$3" -print
} 2>/dev/null | tr "\n" "\0" | xargs -0 -r grep -lF -e "$2" 2>/dev/null
`

// see collects everything in one command, because every process on the hosts takes time.
const see = `readlink "$1/current"; printf '\036'
cat "$1/current/.runbook.json"; printf '\036'
cat "$1/releases.log"; printf '\036'
` + leaked + `printf '\036'
[ "$5" = false ] || timeout 10 bash -c '` +
	`exec 3<>/dev/tcp/127.0.0.1/8000 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3' 2>&1
:`

// see inspects a host. A restarting server has some seconds to answer.
func (s *matrixSite) see(t *testing.T, host string) sight {
	t.Helper()
	args := []string{s.Root(host), s.secret, s.stamp(), filepath.Base(filepath.Dir(s.DeployKey())), fmt.Sprint(s.serve),
		labtest.DeployUser, "/home/" + labtest.DeployUser}
	if s.inside != nil {
		args = append(args[:5], strconv.Itoa(os.Getuid()), s.dir)
		link, err := os.Readlink(args[0] + "/current")
		marker, err2 := os.ReadFile(link + "/.runbook.json")
		log, err3 := os.ReadFile(args[0] + "/releases.log")
		if err := errors.Join(err, err2, err3); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		return sight{link: link, marker: string(marker), log: string(log),
			leaked: s.shell(t, host, leaked+":", args...)}
	}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		parts := strings.Split(s.shell(t, host, see, args...), "\036")
		if len(parts) != 5 {
			t.Fatalf("%s: %q", host, parts)
		}
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if !s.serve || s.broken || strings.Contains(parts[4], "release ") {
			return sight{parts[0], parts[1], parts[2], parts[3], parts[4]}
		}
		select {
		case <-tick.C:
		case <-deadline:
			return sight{parts[0], parts[1], parts[2], parts[3], parts[4]}
		}
	}
}

// seesLeak verifies that leaked finds a key.
func (s *matrixSite) seesLeak(t *testing.T, host string) {
	t.Helper()
	planted := filepath.Join(s.Root(host), "planted")
	s.shell(t, host, `sleep 0.01; printf "x\n%s\n" "$2" >"$1"`, planted, s.secret) // newer than the stamp
	if seen := s.see(t, host); seen.leaked != planted {
		t.Fatalf("%s: of the deploy key in %s was seen %q", host, planted, seen.leaked)
	}
	s.shell(t, host, `rm "$1"`, planted)
}

// served matches the processes of an idle host: Apache and its daemons, and sshd, which may wait
// for hours for a peer beyond a cut cable.
var served = regexp.MustCompile(`^(/usr/sbin/apache2 |\(wsgi:|sshd: )`)

// idle lists the processes of a host, and tries its lock.
const idle = `ps -eo pid=,stat=,args=
[ ! -e "$1/.runbook.lock" ] || flock -n "$1/.runbook.lock" true || echo "- - the lock is held"`

// leftovers returns the processes on the hosts that should have ended, and the locks that are held.
func (s *matrixSite) leftovers(t *testing.T) []string {
	t.Helper()
	var left []string
	if s.inside != nil {
		found, err := s.inside.Processes.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			left = append(left, fmt.Sprintf("%d %s", p.ID, p.Command))
		}
		for _, host := range []string{"web1", "web2"} {
			if err := free(filepath.Join(s.Root(host), ".runbook.lock")); err != nil {
				left = append(left, host+": the lock is held: "+err.Error())
			}
		}
		return left
	}
	for _, host := range []string{"web1", "web2"} {

		for line := range strings.Lines(s.shell(t, host, idle, s.Root(host))) {
			fields := strings.Fields(line)
			args := strings.Join(fields[2:], " ")
			self := strings.HasPrefix(args, "ps -eo pid=") || strings.HasPrefix(args, "sh -c ps -eo pid=")
			zombie := strings.HasPrefix(fields[1], "Z") // sshd, the first process there, reaps none but its own
			if fields[0] != "1" && !zombie && !self && !served.MatchString(args) {
				left = append(left, host+": "+fields[0]+" "+args)
			}
		}
	}
	return left
}

// free acquires and releases a lock, or returns why it cannot.
func free(lock string) error {
	f, err := os.OpenFile(lock, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), f.Close())
}

// ours returns the processes on this machine with a mark in their environment.
func ours(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, file := range files {
		text, err := os.ReadFile(file) // it may have ended meanwhile
		if err == nil && strings.Contains(string(text), mark+"\x00") {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			left = append(left, "here: "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
