package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// operation is one call of a function of this package.
type operation struct {
	ctx   context.Context
	host  *shell.Host
	files *sftp.Client
	name  string
	path  string // without a slash at the end, which would follow a link
}

// Error is a failed operation on a host's files.
type Error struct {
	Host, Operation, Path string
	Err                   error
}

// Error returns "HOST: OPERATION PATH: cause".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s %s: %v", e.Host, e.Operation, e.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// begin checks the path and opens the file session.
func begin(ctx context.Context, h *shell.Host, name, at string) (*operation, error) {
	o := &operation{ctx: ctx, host: h, name: name, path: at}
	if err := checkPath(at); err != nil {
		return nil, o.fail(err)
	}
	o.path = path.Clean(at)
	var err error
	o.files, err = h.Files(ctx)
	return o, err
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
		if part == ".." { // after a link it names another folder than it seems to
			return event.WithHint(errors.New("the path has a .. in it"), "write the path without ..")
		}
	}
	return nil
}

// fail returns err as an *Error.
func (o *operation) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	}
	return &Error{o.host.Name(), o.name, o.path, o.explain(err)}
}

// await runs one SFTP request, which has no context. If ctx ends first, the request finishes on its own or ends with the
// connection. After ctx has ended, no request begins.
func await[T any](ctx context.Context, request func() (T, error)) (T, error) {
	return ssh.Await(ctx, func() (T, error) {
		v, err := request()
		return v, missing(err)
	}, func(T) {})
}

// do is await for a request that returns only an error.
func (o *operation) do(request func() error) error {
	_, err := await(o.ctx, func() (struct{}, error) { return struct{}{}, request() })
	return err
}

func (o *operation) lstat(p string) (os.FileInfo, error) {
	return await(o.ctx, func() (os.FileInfo, error) { return o.files.Lstat(p) })
}

func (o *operation) readlink(p string) (string, error) {
	target, err := await(o.ctx, func() (string, error) { return o.files.ReadLink(p) })
	return target, o.fail(err)
}

// changed emits an event about a change.
func (o *operation) changed(format string, args ...any) {
	event.Emit(o.ctx, event.Event{Kind: event.Changed, Host: o.host.Name(), Text: fmt.Sprintf(format, args...)})
}

// beside returns a new name in the folder of p, for a file that will be renamed to p.
func beside(p string) string {
	return path.Join(path.Dir(p), "."+path.Base(p)+".runbook-"+rand.Text()[:10])
}

// discard removes a temporary file after a failure, even after an interrupt. Its own error is dropped in favour of the first.
func (o *operation) discard(temp string) {
	_ = o.files.Remove(temp)
}
