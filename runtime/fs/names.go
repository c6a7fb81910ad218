package fs

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"runbook/runtime/ssh"
)

// The limits of a listing.
const (
	maxName      = 4 << 10 // in bytes
	maxNames     = 1_000_000
	maxNameBytes = 64 << 20
)

// names returns the sorted names in the folder at the path.
func (o *operation) names() ([]string, error) {
	ctx, stop := context.WithCancelCause(o.ctx)
	defer stop(nil)
	list := &nameList{path: o.path, stop: stop, names: []string{}}
	c := o.command(lookScript, []string{"names", o.path}, 0)
	c.Output = list
	r, err := o.host.Run(ctx, c)
	if list.err != nil {
		return nil, list.err
	}
	if _, err := o.result(r, err); err != nil {
		return nil, err
	}
	slices.Sort(list.names)
	return list.names, nil
}

// nameList collects names that end in NUL.
type nameList struct {
	path  string
	stop  func(error) // ends the command: the rest is not needed
	names []string
	rest  []byte // the beginning of the next name
	bytes int
	err   error
}

func (l *nameList) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for l.err == nil {
		name, rest, ended := bytes.Cut(l.rest, []byte{0})
		l.bytes += len(name)
		switch {
		case len(name) > maxName+len("./"):
			l.err = &ssh.TooLongError{What: "a name in " + l.path, Most: maxName}
		case !ended:
			l.bytes -= len(name)
			return len(b), nil
		case len(l.names) == maxNames:
			l.err = &ssh.TooLongError{What: l.path, Most: maxNames, Unit: "names"}
		case l.bytes > maxNameBytes:
			l.err = &ssh.TooLongError{What: "the names in " + l.path, Most: maxNameBytes}
		}
		l.names, l.rest = append(l.names, strings.TrimPrefix(string(name), "./")), rest
	}
	l.stop(l.err)
	return len(b), l.err
}
