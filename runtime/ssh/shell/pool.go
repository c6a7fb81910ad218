// Package shell executes commands on hosts.
//
// Its one rule: nothing is left behind. Before an error is returned, everything that the call
// started on the host is ended and has been seen to end.
//
// A Pool creates Hosts. A Host has one connection with one login. Its commands run in a long-lived
// /bin/sh, each in a subshell of its own. Where two run at the same time, a second one is started.
// Commands with input get a session of their own. The only command of a host needs no shell, if any
// login shell can start it.
package shell

import (
	"errors"
	"fmt"
	"os/user"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Options apply to all hosts of a pool. The zero value is usable.
type Options struct {
	ssh.Options
	// Operator identifies the holder of this pool's locks: "NAME from MACHINE".
	Operator string
	// LockWait is how long Lock waits for another holder if a recipe does not set it; 0 refuses at
	// once.
	LockWait time.Duration
	// Locks reports whether hosts may be locked. Then a process on each host ends what the run has
	// left there if the network is cut, from the first command on. Otherwise it does so from the
	// first lock on, and sshd decides before. It is asked when a host is connected; nil is no.
	Locks func() bool
	// OneCommand promises that each host gets one command and no lock. Then nothing but the command
	// starts on the host if the login shell can start it. Otherwise a shell starts for it.
	OneCommand bool
	// DryRun disables retries: the change that a retry would wait for was not made.
	DryRun bool
}

// Pool creates hosts and closes them. It is safe for concurrent use.
type Pool struct {
	opts   Options
	stream *event.Stream
	dialer *ssh.Dialer
	retake time.Duration // how long to wait for a lock that was lost
	pause  time.Duration // before a command is first tried again
	rest   time.Duration // how long what a command left may go on printing

	mu    sync.Mutex
	hosts []*Host
}

// NewPool returns a pool without hosts. The caller closes it. stream hides the secrets that the
// hosts learn; events go to the stream of the context, which should be the same.
func NewPool(stream *event.Stream, opts Options) *Pool {
	if opts.Operator == "" {
		opts.Operator = "somebody"
	}
	return &Pool{opts: opts, stream: stream, dialer: ssh.NewDialer(stream, opts.Options), retake: 15 * time.Second,
		pause: firstPause, rest: 20 * time.Second}
}

// Host returns a new host. It is not contacted yet.
func (p *Pool) Host(t ssh.Target) *Host { return p.add(newHost(p, t, false)) }

// Localhost returns this machine as a host, without SSH. Relative paths start from the current
// folder.
func (p *Pool) Localhost() *Host {
	t := ssh.Target{Name: "localhost", Address: "localhost", Vars: map[string]any{}}
	if u, err := user.Current(); err == nil { // in a container the user may have no name
		t.User = u.Username
	}
	return p.add(newHost(p, t, true))
}

func (p *Pool) add(h *Host) *Host {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = append(p.hosts, h)
	return h
}

// closeAtOnce limits the connections that are closed at the same time. Each needs memory for that,
// and a few seconds if its host does not answer.
const closeAtOnce = 200

// Close releases the locks, ends the shells and closes all connections, those to jump hosts last.
// After it nothing that the pool started is left on this machine. The hosts must not be used any
// more.
func (p *Pool) Close() error {
	p.mu.Lock()
	hosts := p.hosts
	p.hosts = nil
	p.mu.Unlock()
	errs := make([]error, len(hosts))
	var group errgroup.Group
	group.SetLimit(closeAtOnce)
	for i, h := range hosts {
		group.Go(func() error {
			if err := h.Close(); err != nil {
				errs[i] = fmt.Errorf("%s: %w", h.Name(), err)
			}
			return nil // a failure of one doesn't end the others
		})
	}
	_ = group.Wait() // every error is in errs
	return errors.Join(errors.Join(errs...), p.dialer.Close())
}
