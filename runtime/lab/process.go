package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// markName is the environment variable that every process of a lab carries, and its children after it.
const markName = "RUNBOOK_LAB"

// Process is a process on one of the lab's hosts.
type Process struct {
	ID      int
	Command string // its command line, arguments separated by spaces; "" where the system does not tell
}

// processes keeps account of what a lab has started. Each command leads a session and a process group of its own,
// as under sshd.
type processes struct {
	mark string // NAME=VALUE, the lab's own

	mu     sync.Mutex
	ended  bool
	live   map[int]*process
	groups map[int]bool // left by a leader that has ended; kept where marks cannot be read
}

// process is a command that the lab started. code and signal are set once done is closed.
type process struct {
	id     int
	done   chan struct{}
	code   int
	signal string // without SIG; "" when it ended by itself
}

func newProcesses() *processes {
	return &processes{mark: markName + "=" + rand.Text(), live: map[int]*process{}, groups: map[int]bool{}}
}

// start starts cmd, whose streams must be files, as the leader of a session of its own.
func (p *processes) start(cmd *exec.Cmd) (*process, error) {
	cmd.Env = append(cmd.Env, p.mark)
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

func (p *processes) await(cmd *exec.Cmd, started *process) {
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

// signal sends the signal of this name (without SIG) to the group of a command that still runs.
func (p *processes) signal(to *process, name string) bool {
	number, known := signalNumber(name)
	if !known {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live[to.id] == to && signalGroup(to.id, number) == nil
}

// list returns the processes that are left.
func (p *processes) list() ([]Process, error) {
	found, err := marked(p.mark)
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

// patience is how long processes may take to end after TERM before they are killed, and again after KILL.
const patience = 2 * time.Second

// end lets no more processes start, ends those there are, politely first, and returns when they are gone.
func (p *processes) end() error {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	for _, signal := range []string{"TERM", "KILL"} {
		left, err := p.endWith(signal)
		if err != nil || len(left) == 0 {
			return err
		}
	}
	left, err := p.list()
	if err != nil || len(left) == 0 {
		return err
	}
	words := make([]string, len(left))
	for i, one := range left {
		words[i] = strings.TrimSpace(fmt.Sprintf("%d %s", one.ID, one.Command))
	}
	return fmt.Errorf("processes of the lab are left after SIGKILL: %s", strings.Join(words, "; "))
}

// endWith signals every process once, those that appear meanwhile too, until none is left or patience is at an
// end. It returns those left.
func (p *processes) endWith(name string) ([]Process, error) {
	number, _ := signalNumber(name)
	deadline := time.After(patience)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	told := map[int]bool{}
	for {
		left, err := p.list()
		if err != nil || (len(left) == 0 && p.idle()) {
			return nil, err
		}
		p.tell(left, number, told)
		select {
		case <-deadline:
			return left, nil
		case <-tick.C:
		}
	}
}

// idle is whether all commands have been waited for.
func (p *processes) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live) == 0
}

// tell signals the groups of the commands that run and the processes in left, each once. Whoever has ended by now
// cannot be told, which is as good.
func (p *processes) tell(left []Process, number signal, told map[int]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, groups := range []map[int]bool{p.groups, keys(p.live)} {
		for id := range groups {
			if !told[id] && signalGroup(id, number) == nil {
				told[id] = true
			}
		}
	}
	for _, one := range left {
		if !told[one.ID] && signalMarked(one.ID, p.mark, number) {
			told[one.ID] = true
		}
	}
}

func keys(live map[int]*process) map[int]bool {
	ids := make(map[int]bool, len(live))
	for id := range live {
		ids[id] = true
	}
	return ids
}
