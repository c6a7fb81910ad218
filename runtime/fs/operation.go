package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"strings"

	"runbook/runtime/event"
)

// operation is one call of a function of this package.
type operation struct {
	Files
	ctx  context.Context
	name string
	path string // without a slash at the end, which would follow a link
}

// begin checks the path.
func (f Files) begin(ctx context.Context, name, at string) (*operation, error) {
	o := &operation{Files: f, ctx: ctx, name: name, path: at}
	if err := checkPath(at); err != nil {
		return nil, o.fail(err)
	}
	o.path = path.Clean(at)
	return o, nil
}

func checkPath(p string) error {
	switch {
	case p == "":
		return errors.New("empty path")
	case strings.ContainsRune(p, 0):
		return errors.New("NUL byte in the path")
	case strings.HasPrefix(p, "~"):
		return event.WithHint(errors.New("~ is not supported here"), "write the absolute path")
	case !path.IsAbs(p):
		return event.WithHint(errors.New("not an absolute path"), "begin it with /")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." { // after a link, .. is not the folder that the path suggests
			return event.WithHint(errors.New("the path has a .. in it"), "write the path without ..")
		}
	}
	return nil
}

// fail returns err as an *Error.
func (o *operation) fail(err error) error {
	var failed failedRun
	switch {
	case err == nil:
		return nil
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	case errors.As(err, &failed):
		return failed.error
	}
	return &Error{o.host.Name(), o.name, o.path, o.explain(err)}
}

// changed emits an event about a change.
func (o *operation) changed(format string, args ...any) {
	event.Emit(o.ctx, event.Event{Kind: event.Changed, Host: o.host.Name(), Text: fmt.Sprintf(format, args...)})
}

// beside returns a temporary name in the folder of the path, for a file that will be renamed to the
// path. It begins with a dot, so that a server that includes all files of a folder leaves it out.
func (o *operation) beside() string {
	const longest = 200 // of 255
	name := path.Base(o.path)
	name = strings.ToValidUTF8(name[:min(len(name), longest)], "")
	return path.Join(path.Dir(o.path), "."+name+".runbook-"+rand.Text()[:10])
}
