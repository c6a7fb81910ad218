package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// endings is shell code that ends a process group. alive says whether a group has a process that isn't a zombie: where
// nothing reaps orphans, as in some containers, their entries stay for ever. endgroup sends TERM, and KILL after three seconds.
// "kill -s TERM -- -GROUP" is the one spelling that dash and bash share.
const endings = `alive() {
  kill -s 0 -- "-$1" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v g="$1" '{ sub(/.*\) /, ""); if ($3 == g && $1 != "Z" && $1 != "X") f = 1 } END { exit !f }' 2>/dev/null
  [ $? -ne 1 ]
}
endgroup() {
  kill -s TERM -- "-$1" 2>/dev/null || return 0
  i=0
  while kill -s 0 -- "-$1" 2>/dev/null; do
    i=$((i+1))
    [ $((i%5)) -gt 1 ] || alive "$1" || return 0
    [ $i -ge 30 ] && kill -s KILL -- "-$1" 2>/dev/null
    [ $i -ge 60 ] && { ! alive "$1"; return; }
    sleep 0.1 2>/dev/null || { sleep 1; i=$((i+9)); }
  done
  return 0
}
`

// endLimit is how long ending a process group may take, with its own connection to the host's shell.
const endLimit = 30 * time.Second

// endGroup ends what the shell s runs, and s itself, from a session of its own, and waits until it is gone. It goes by a
// time limit of its own, because ctx may be over. nil means that nothing is left.
func (c *connection) endGroup(ctx context.Context, s *shell, sudo string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	select {
	case <-s.told:
	case <-time.After(grace): // it was to be ended before it had begun
		return errors.New("its shell has not said which processes are its own")
	case <-c.link.done():
		return c.link.lost()
	}
	pgid := s.group()
	if pgid == 0 {
		return errors.New("its shell leads no process group of its own")
	}
	err := c.endAs(ctx, pgid, "")
	if sudo != "" {
		// Of a group in which another user's processes are, only that user or root can end those.
		err = errors.Join(err, c.endAs(ctx, pgid, sudo))
	}
	if err == nil {
		c.ended(pgid)
	}
	return err
}

// endAll ends all that is ours on the host.
func (c *connection) endAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	c.mu.Lock()
	groups := slices.Collect(maps.Keys(c.groups))
	c.mu.Unlock()
	var errs []error
	for _, g := range groups {
		errs = append(errs, c.endAs(ctx, g, ""))
	}
	return errors.Join(errs...)
}

func (c *connection) endAs(ctx context.Context, pgid int64, sudo string) error {
	mark := newMark()
	script := endings + fmt.Sprintf("endgroup %d && echo gone || echo left", pgid)
	if sudo != "" {
		inner, err := Quote(script)
		if err != nil {
			return err
		}
		user, err := Quote(sudo)
		if err != nil {
			return err
		}
		script = "sudo -n -u " + user + " -- /bin/sh -c " + inner
	}
	script = "printf '%s' '" + mark + "'; " + script
	p, err := c.link.start(ctx, feedable(len(script)))
	if err != nil {
		return fmt.Errorf("end it: %w", err)
	}
	defer p.close()
	answer, err := cancellable(ctx, func() (string, error) {
		if err := feed(p.stdin, script); err != nil {
			return "", err
		}
		out := newScanner(p.stdout)
		said := noise("what the log-in prints before a command")
		if _, err := out.until(said.take, mark); err != nil {
			return "", err
		}
		return out.word()
	}, func(string) {})
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("end it: %w", err)
	case answer == "gone":
		return nil
	}
	return fmt.Errorf("process group %d on the host did not end%s", pgid, strings.TrimRight(" "+answer, " "))
}

// feed writes all of text.
func feed(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
