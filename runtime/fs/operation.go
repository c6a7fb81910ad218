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
)

// client works on the files of a host: SFTP, or sudo.
type client interface {
	Lstat(path string) (os.FileInfo, error)
	Stat(path string) (os.FileInfo, error)
	ReadLink(path string) (string, error)
	Symlink(target, path string) error
	Mkdir(path string) error
	Chmod(path string, mode os.FileMode) error
	Remove(path string) error
	RemoveDirectory(path string) error
	PosixRename(from, to string) error
	StatVFS(path string) (*sftp.StatVFS, error)
}

// operation is one call of a function of this package.
type operation struct {
	Files
	ctx   context.Context
	files client
	sftp  *sftp.Client // files, or nil with sudo
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

// begin checks the path and, without sudo, opens the file session.
func (f Files) begin(ctx context.Context, name, at string) (*operation, error) {
	o, err := f.plan(ctx, name, at)
	if err != nil {
		return nil, err
	}
	if f.user != "" {
		o.files = o.sudo()
		return o, nil
	}
	o.sftp, err = f.host.Files(ctx)
	o.files = o.sftp
	return o, err
}

// plan checks the path. The operation has no client.
func (f Files) plan(ctx context.Context, name, at string) (*operation, error) {
	o := &operation{Files: f, ctx: ctx, name: name, path: at}
	if err := checkPath(at); err != nil {
		return nil, o.fail(err)
	}
	o.path = path.Clean(at)
	return o, nil
}

func (o *operation) sudo() sudoClient { return sudoClient{o.ctx, o.host, o.user} }

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

// await runs one request. With SFTP it has no context: if that of o ends first, the request
// finishes on its own or ends with the connection. After the context has ended, no request begins.
func await[T any](o *operation, request func() (T, error)) (T, error) {
	if o.user != "" {
		return request()
	}
	return ssh.Await(o.ctx, func() (T, error) {
		v, err := request()
		return v, missing(err)
	}, func(T) {})
}

// do is await for a request that returns only an error.
func (o *operation) do(request func() error) error {
	_, err := await(o, func() (struct{}, error) { return struct{}{}, request() })
	return err
}

func (o *operation) lstat(p string) (os.FileInfo, error) {
	return await(o, func() (os.FileInfo, error) { return o.files.Lstat(p) })
}

func (o *operation) readlink(p string) (string, error) {
	target, err := await(o, func() (string, error) { return o.files.ReadLink(p) })
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

// discard removes a temporary file after a failure, even after an interrupt. Its own error is
// dropped in favour of the first.
func (o *operation) discard(temp string) {
	if o.user != "" {
		_ = o.cleanUp(nil, temp)
		return
	}
	_ = o.files.Remove(temp)
}
