package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
)

// probe prints the shell's pid and its process group, or 0 for the group where that can't be told. sshd makes the
// shell the leader of its group; where something else leads it, ending the group could end what isn't ours.
const probe = `if [ -r /proc/$$/stat ]; then read -r _ _ _ _ g _ </proc/$$/stat; else g=$(ps -o pgid= -p $$ 2>/dev/null || echo 0); fi; printf ' %s %s\n' "$$" $g; unset g`

// feedable is the command line of a /bin/sh that reads n bytes of script from its stdin and leaves the rest of it to that
// script. So any log-in shell passes it on unharmed, no limit on arguments applies, and nothing of the
// script is seen in the host's list of processes. dd reads byte by byte, and so never too much.
//
// The script is on its way already. Where it doesn't arrive within a minute the network was cut: nothing stays behind that waits for it.
func feedable(n int) string {
	return fmt.Sprintf(`exec /bin/sh -c '! command -v timeout >/dev/null 2>&1 || set -- timeout 60; runbook_script=$("$@" dd bs=1 count=%d 2>/dev/null) && eval "$runbook_script"'`, n)
}

// shell is a /bin/sh on a host.
type shell struct {
	proc *process
	out  *scanner
	err  *scanner
	told chan struct{} // closed when it has said what pgid is
	pgid int64         // its process group, or 0 when it leads none

	mu    sync.Mutex    // guards holds and what is sent meanwhile
	holds chan struct{} // closed when it is held no more; nil when it isn't held
}

func newShell(p *process) *shell {
	return &shell{proc: p, out: newScanner(p.stdout), err: newScanner(p.stderr), told: make(chan struct{})}
}

// tell keeps what the shell says of itself.
func (s *shell) tell(word string) {
	s.pgid = leader(word)
	close(s.told)
}

// begun says whether the shell has said what it is.
func (s *shell) begun() bool {
	select {
	case <-s.told:
		return true
	default:
		return false
	}
}

// group is the shell's process group, or 0.
func (s *shell) group() int64 {
	if s.begun() {
		return s.pgid
	}
	return 0
}

// hold is what a shell does until its first command: it waits for the line ":", and ends when it hears nothing for so many seconds. So
// no shell stays behind where the network was cut before a keeper knew of it. The lines mean nothing to a shell: where there is no timeout(1), it reads
// them itself.
const hold = `if command -v timeout >/dev/null 2>&1; then
while line=$(exec timeout %d /bin/sh -c 'read -r line && echo "$line"') || exit; do [ "$line" = : ] && break; done
fi
`

// held sends signs of life to a shell that is held.
func (s *shell) held(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			select {
			case <-s.holds:
			default:
				_ = feed(s.proc.stdin, "#\n") // one that is gone is noticed by the first command
			}
			s.mu.Unlock()
		case <-s.holds:
			return
		}
	}
}

// release is what has to stand before a shell's first command; "" before any other. After it no signs of life are sent.
func (s *shell) release() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds == nil {
		return ""
	}
	select {
	case <-s.holds:
		return ""
	default:
		close(s.holds)
		return ":\n"
	}
}

// startShell starts the long-lived shell. What the host's start-up files print is dropped. Without a pulse the shell isn't held, and
// waits for as long as the session lasts.
func startShell(ctx context.Context, l link, beat pulse) (*shell, error) {
	mark := newMark()
	command, script := "exec /bin/sh", "unset CDPATH; printf '%s' '"+mark+"' >&2; printf '%s' '"+mark+"'; "+probe+"\n"
	if beat.silence() > 0 {
		script += fmt.Sprintf(hold, beat.silence()) + "exec /bin/sh\n"
		command = feedable(len(script))
	}
	p, err := l.start(ctx, command)
	if err != nil {
		return nil, fmt.Errorf("start a shell: %w", err)
	}
	s := newShell(p)
	err = s.greet(ctx, l, func() error {
		_, err := io.WriteString(p.stdin, script)
		return err
	}, mark)
	if err != nil {
		p.close()
		return nil, err
	}
	if beat.silence() > 0 {
		s.holds = make(chan struct{})
		go s.held(beat.every)
	}
	return s, nil
}

// greet waits until the shell says who it is.
func (s *shell) greet(ctx context.Context, l link, send func() error, mark string) error {
	var word string
	var said [2]limitedText // what it prints before the mark
	for i := range said {
		said[i] = noise("what the log-in prints before the shell answers")
	}
	run := s.drain(func() error {
		if err := send(); err != nil {
			return err
		}
		if _, err := s.out.until(said[0].take, mark); err != nil {
			return err
		}
		var err error
		word, err = s.out.word()
		return err
	}, func() error {
		_, err := s.err.until(said[1].take, mark)
		return err
	})
	select {
	case <-run.done:
	case <-ctx.Done():
		s.settle(run, l)
		return context.Cause(ctx)
	case <-l.done():
		s.settle(run, l)
		return fmt.Errorf("start a shell: %w", l.lost())
	}
	if err := errors.Join(run.errs[:]...); err != nil {
		return noShell(err, said[1].text()+said[0].text())
	}
	s.tell(word)
	return nil
}

func noShell(err error, said string) error {
	var long *TooLongError
	if errors.As(err, &long) {
		return event.WithHint(fmt.Errorf("start a shell: %w", long), "what do the start-up files of the log-in shell, such as ~/.bashrc, print?")
	}
	if said = strings.TrimSpace(said); said != "" {
		return fmt.Errorf("the host started no shell: %.300s", said)
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the host started no shell: the session ended at once")
	}
	return fmt.Errorf("start a shell: %w", err)
}

// leader is the process group that a probe's answer states, if the shell leads it.
func leader(word string) int64 {
	pid, group, _ := strings.Cut(word, " ")
	n, err := strconv.ParseInt(strings.TrimSpace(group), 10, 64)
	if err != nil || n <= 1 || strings.TrimSpace(pid) != strings.TrimSpace(group) {
		return 0
	}
	return n
}

// draining is the reading of both streams at once: neither may wait for the other. A stream that says more than it may ends both.
type draining struct {
	done chan struct{}
	errs [2]error
}

func (s *shell) drain(out, err func() error) *draining {
	d := &draining{done: make(chan struct{})}
	second := make(chan struct{})
	limited := func(read func() error) error {
		err := read()
		var long *TooLongError
		if errors.As(err, &long) {
			s.proc.close()
		}
		return err
	}
	go func() {
		defer close(second)
		d.errs[1] = limited(err)
	}()
	go func() {
		d.errs[0] = limited(out)
		<-second
		close(d.done)
	}()
	return d
}

// settle closes the shell's streams and waits until nobody reads them. A server that doesn't let go of them is not
// to be trusted with anything more: its connection is cut.
func (s *shell) settle(run *draining, l link) {
	s.proc.close()
	select {
	case <-run.done:
	case <-time.After(grace):
		l.abandon()
		<-run.done
	}
}

// bye lets the shell end by itself and closes it.
func (s *shell) bye(l link) {
	s.release()
	_ = s.proc.stdin.Close() // it may be gone
	ended := s.drain(func() error { _, err := s.out.until(discard); return err },
		func() error { _, err := s.err.until(discard); return err })
	select {
	case <-ended.done:
	case <-time.After(time.Second): // what a command left in the background may hold the streams open
	}
	s.settle(ended, l)
}
