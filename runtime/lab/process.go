package lab

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// markName is an environment variable that every process of a lab has, so that its descendants
// inherit it.
const markName = "RUNBOOK_LAB"

// Process is a process on one of the lab's hosts.
type Process struct {
	ID      int
	Command string // its command line, arguments separated by spaces; "" except on Linux
}

// Processes tracks the processes that a lab has started. As under sshd, each command leads its own
// session and process group.
type Processes struct {
	Mark string // NAME=VALUE in the environment of each process; unique to the lab

	mu     sync.Mutex
	ended  bool
	live   map[int]*process
	groups map[int]bool // groups whose leader has ended; used where marks cannot be read
}

// process is a command that the lab started. code and signal are valid after done is closed.
type process struct {
	id     int
	done   chan struct{}
	code   int
	signal string // the signal that ended it, without SIG; "" if none did
}

func newProcesses() *Processes {
	return &Processes{Mark: markName + "=" + rand.Text(), live: map[int]*process{}, groups: map[int]bool{}}
}

// start starts cmd as the leader of a new session. Its standard streams must be files.
func (p *Processes) start(cmd *exec.Cmd) (*process, error) {
	cmd.Env = append(cmd.Env, p.Mark)
	ownSession(cmd)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, errors.New("the lab is closed")
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	started := &process{id: cmd.Process.Pid, done: make(chan struct{})}
	p.live[started.id] = started
	go p.await(cmd, started)
	return started, nil
}

func (p *Processes) await(cmd *exec.Cmd, started *process) {
	err := cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		started.code = 255
	} else {
		started.code, started.signal = ending(cmd.ProcessState)
	}
	p.mu.Lock()
	delete(p.live, started.id)
	if !marksReadable && groupExists(started.id) {
		p.groups[started.id] = true
	}
	p.mu.Unlock()
	close(started.done)
}

// signal sends a signal, named without SIG, to the process group of a running command.
func (p *Processes) signal(to *process, name string) bool {
	number, known := signalNumber(name)
	if !known {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live[to.id] == to && signalGroup(to.id, number) == nil
}

// List returns the processes that are still running, daemons included. On Linux it finds them by
// the mark in their environment; elsewhere it only knows the process groups of commands.
func (p *Processes) List() ([]Process, error) {
	found, err := marked(p.Mark)
	if err != nil || marksReadable {
		return found, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.live {
		found = append(found, Process{ID: id})
	}
	for id := range p.groups {
		if groupExists(id) {
			found = append(found, Process{ID: id})
		}
	}
	return found, nil
}

// endTimeout limits how long processes have to end after TERM, and again after KILL.
const endTimeout = 2 * time.Second

// end prevents new processes from starting, ends the running ones (TERM, then KILL), and waits for
// them.
func (p *Processes) end() error {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	for _, signal := range []string{"TERM", "KILL"} {
		left, err := p.endWith(signal)
		if err != nil || len(left) == 0 {
			return err
		}
	}
	left, err := p.List()
	if err != nil || len(left) == 0 {
		return err
	}
	running := make([]string, len(left))
	for i, p := range left {
		running[i] = strings.TrimSpace(fmt.Sprintf("%d %s", p.ID, p.Command))
	}
	return fmt.Errorf("processes of the lab are still running after SIGKILL: %s", strings.Join(running, "; "))
}

// endWith signals every process once, including new ones, until none is left or endTimeout has
// passed. It returns those that are left.
func (p *Processes) endWith(name string) ([]Process, error) {
	number, _ := signalNumber(name)
	deadline := time.After(endTimeout)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	signaled := map[int]bool{}
	for {
		left, err := p.List()
		if err != nil || (len(left) == 0 && p.idle()) {
			return nil, err
		}
		p.signalAll(left, number, signaled)
		select {
		case <-deadline:
			return left, nil
		case <-tick.C:
		}
	}
}

// idle reports whether all commands have been waited for.
func (p *Processes) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live) == 0
}

// signalAll signals the groups of the running commands and the processes in left, unless they are
// in signaled. It adds them there.
func (p *Processes) signalAll(left []Process, number signal, signaled map[int]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups := slices.AppendSeq(slices.Collect(maps.Keys(p.groups)), maps.Keys(p.live))
	for _, id := range groups {
		if !signaled[id] && signalGroup(id, number) == nil {
			signaled[id] = true
		}
	}
	for _, one := range left {
		if !signaled[one.ID] && signalMarked(one.ID, p.Mark, number) {
			signaled[one.ID] = true
		}
	}
}

// Output runs a program to its end and returns its standard output, trimmed. The error of a program
// that fails includes its standard error.
func Output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(stdout.String()),
			fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
