package shell

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/commandline"
	"runbook/runtime/ssh/shell/frame"
)

// endgroupScript defines endgroup, which ends a process group, and endothers.
//
//go:embed endgroup.sh
var endgroupScript string

// endLimit limits ending a process group, with a connection of its own to the host's shell.
const endLimit = 30 * time.Second

// endShellGroup ends the shell s and what it runs, from another session, and waits until all is
// gone. It has its own time limit, because ctx may be over. It returns nil only if nothing is left.
// sudo is the user of the command, or "".
func (c *connection) endShellGroup(ctx context.Context, s *shell, sudo string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	select {
	case <-s.known:
	case <-time.After(grace): // it was interrupted before it began
		return errors.New("its shell has not said which processes are its own")
	case <-c.link.Done():
		return c.link.Lost()
	}
	pgid := s.group()
	if pgid == 0 {
		return errors.New("its shell leads no process group of its own")
	}
	err := c.endGroup(ctx, pgid, "")
	if sudo != "" {
		// Another user's processes in the group can be ended only by that user or root.
		err = errors.Join(err, c.endGroup(ctx, pgid, sudo))
	}
	if err == nil {
		c.removeGroup(pgid)
	}
	return err
}

// errNoOthers is the error of a connection that has no other session, as far as the login can see.
var errNoOthers = errors.New("the command is not among the host's processes")

// endOthers ends all other sessions of the connection and what they run, and waits until all is
// gone. It returns nil only if it found one and nothing is left of it.
func (c *connection) endOthers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	return c.endBy(ctx, endgroupScript+"endothers", "the command on the host")
}

// endAllGroups ends all that this run has on the host.
func (c *connection) endAllGroups() error {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	c.mu.Lock()
	groups, direct := slices.Collect(maps.Keys(c.groups)), c.direct
	c.mu.Unlock()
	var errs []error
	if direct {
		errs = append(errs, c.endOthers(ctx))
	}
	for _, g := range groups {
		errs = append(errs, c.endGroup(ctx, g, ""))
	}
	return errors.Join(errs...)
}

// endGroup ends a process group, as the login user or through sudo.
func (c *connection) endGroup(ctx context.Context, pgid int64, sudo string) error {
	script := endgroupScript + fmt.Sprintf("endgroup %d && echo gone || echo left", pgid)
	if sudo != "" {
		words, err := ssh.QuoteAll([]string{"sudo", "-n", "-u", sudo, "--", "/bin/sh", "-c", script})
		if err != nil {
			return err
		}
		script = words
	}
	return c.endBy(ctx, script, fmt.Sprintf("process group %d on the host", pgid))
}

// endBy ends processes by a script, which prints "gone", "none" or "left". what names them.
func (c *connection) endBy(ctx context.Context, script, what string) error {
	p, _, answer, err := c.ask(ctx, script)
	if err != nil {
		return fmt.Errorf("end it: %w", err)
	}
	p.Close()
	switch answer {
	case "gone":
		return nil
	case "none":
		return errNoOthers
	}
	return fmt.Errorf("%s did not end%s", what, strings.TrimRight(" "+answer, " "))
}

// ask runs a script in a session of its own and returns the first line that it prints, "" if it
// ends without one. The caller closes the process.
func (c *connection) ask(ctx context.Context, script string) (*ssh.Process, *frame.Scanner, string, error) {
	mark := frame.NewMark()
	script = "printf '%s' '" + mark + "'; " + script
	p, err := c.start(ctx, commandline.Script(len(script)))
	if err != nil {
		return nil, nil, "", err
	}
	out := frame.NewScanner(p.Stdout) // the function below may use it after ctx has ended
	answer, err := ssh.Await(ctx, func() (string, error) {
		if err := feed(p.Stdin, script); err != nil {
			return "", err
		}
		if _, err := out.Until(frame.LoginOutput().Add, mark); err != nil {
			return "", err
		}
		return out.Line()
	}, func(string) {})
	if err != nil && !errors.Is(err, io.EOF) {
		p.Close()
		return nil, nil, "", err
	}
	return p, out, answer, nil
}
