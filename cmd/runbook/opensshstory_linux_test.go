package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/runtime/lab/labtest"
)

// patience limits the time that a story waits for a state of a host. A passing story never waits
// that long.
const patience = time.Minute

// openSSHStory is a running story, at one of its commands.
type openSSHStory struct {
	*testscript.TestScript
	neg  bool
	lab  *labtest.OpenSSH
	seen map[string]bool // the daemon processes that were there the last time, "HOST PID"
}

// storyKey is the key under which a story keeps its lab.
type storyKey struct{}

// onHosts makes a command with n arguments, or with at least -n if n is negative.
func onHosts(usage string, n int, run func(*openSSHStory, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if n >= 0 && len(args) != n || len(args) < -n || neg && !strings.HasPrefix(usage, "inside ") {
			ts.Fatalf("usage: %s", usage)
		}
		s := ts.Value(storyKey{}).(*openSSHStory)
		run(&openSSHStory{TestScript: ts, neg: neg, lab: s.lab, seen: s.seen}, args)
	}
}

func (s *openSSHStory) print(text string) {
	_, err := fmt.Fprintln(s.Stdout(), text)
	s.Check(err)
}

func (s *openSSHStory) inside(args []string) {
	out, err := s.lab.Inside(args[0], args[1:]...)
	s.print(out)
	switch {
	case s.neg && err == nil:
		s.Fatalf("it succeeded on %s", args[0])
	case !s.neg:
		s.Check(err)
	}
}

// eventually asks until the answer of a host is right and prints it, or fails with the last answer.
func (s *openSSHStory) eventually(host, what string, ask func() (answer string, right bool)) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		answer, right := ask()
		if right {
			s.print(answer)
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			listing, err := s.lab.Inside(host, "ps", "-eo", "pid,user,args")
			s.Check(err)
			s.Fatalf("%s: %s: not within %s; in the end it was\n%s\n%s", host, what, patience, answer, listing)
		}
	}
}

func (s *openSSHStory) until(args []string) {
	s.eventually(args[0], strings.Join(args[1:], " "), func() (string, bool) {
		out, err := s.lab.Inside(args[0], args[1:]...)
		if err != nil {
			return err.Error(), false
		}
		return out, true
	})
}

// get prints the answer for the application's first page. Python would take 30 times as long.
const get = `exec 3<>/dev/tcp/127.0.0.1/8000 && printf "GET / HTTP/1.0\r\nHost: 127.0.0.1:8000\r\n\r\n" >&3 && cat <&3`

// page returns the status and the body of the application's first page on a host.
func (s *openSSHStory) page(host string) (string, error) {
	text, err := s.lab.Inside(host, "timeout", "10", "bash", "-c", get)
	if err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text+"\r\n\r\n")), nil)
	if err != nil {
		return "", fmt.Errorf("%w: %q", err, text)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // Inside trims the text
		return "", fmt.Errorf("%w: %q", err, text)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, bytes.TrimSpace(body)), nil
}

func (s *openSSHStory) served(args []string) {
	pattern, err := regexp.Compile(args[1])
	s.Check(err)
	s.eventually(args[0], "serves "+args[1], func() (string, bool) {
		answer, err := s.page(args[0])
		if err != nil {
			answer = err.Error()
		}
		return answer, pattern.MatchString(answer)
	})
}

// processes returns the processes of a host by process id, with program and arguments.
func (s *openSSHStory) processes(host string) map[string]string {
	out, err := s.lab.Inside(host, "ps", "-eo", "pid=,args=")
	s.Check(err)
	found := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[pid] = args
	}
	return found
}

func (s *openSSHStory) daemons(args []string) {
	want, err := strconv.Atoi(args[1])
	s.Check(err)
	var now []string
	s.eventually(args[0], "has "+args[1]+" new daemon processes", func() (string, bool) {
		now = nil
		old := false
		for pid, title := range s.processes(args[0]) {
			if strings.HasPrefix(title, "(wsgi:") {
				now = append(now, args[0]+" "+pid)
				old = old || s.seen[args[0]+" "+pid]
			}
		}
		return strings.Join(now, "\n"), len(now) == want && !old
	})
	for _, one := range now {
		s.seen[one] = true
	}
}

// resident matches the processes of an idle host, besides process 1, its sshd.
var resident = regexp.MustCompile(`^(ps -eo|/usr/sbin/apache2 |\(wsgi:)`)

func (s *openSSHStory) quiet(args []string) {
	s.eventually(args[0], "runs nothing more", func() (string, bool) {
		var others []string
		for pid, args := range s.processes(args[0]) {
			if pid != "1" && !resident.MatchString(args) {
				others = append(others, pid+" "+args)
			}
		}
		return strings.Join(others, "\n"), len(others) == 0
	})
}

func (s *openSSHStory) json(args []string) {
	out, err := s.lab.Inside(args[0], "cat", args[1])
	s.Check(err)
	for _, line := range strings.Split(out, "\n") {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			s.Fatalf("%s: %v: %s", args[1], err, line)
		}
		ordered, err := json.Marshal(object)
		s.Check(err)
		s.print(string(ordered))
	}
}

func (s *openSSHStory) sshlog(args []string) {
	text, err := s.lab.Log(args[0])
	s.Check(err)
	s.print(text)
}

func (s *openSSHStory) link(args []string) { s.Check(s.lab.Link(args[0], args[1] == "up")) }

func (s *openSSHStory) commit(args []string) {
	sha, err := s.lab.Commit(args[1])
	s.Check(err)
	s.setCommit(args[0], sha)
}

func (s *openSSHStory) push(args []string) {
	repo, err := s.lab.Repo()
	s.Check(err)
	sha, err := repo.CommitFiles(args[1], map[string]string{args[1]: s.ReadFile(args[1])})
	s.Check(err)
	s.setCommit(args[0], sha)
}

func (s *openSSHStory) setCommit(name, sha string) {
	s.Setenv(name, sha)
	s.Setenv(name+"_SHORT", sha[:10])
}
