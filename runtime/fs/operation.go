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

// operation is one use of a function of this package, for its errors.
type operation struct {
	ctx   context.Context
	host  *ssh.Host
	files *sftp.Client
	name  string
	path  string // without a slash at the end, which would lead through a link
}

// Error is a failed operation on a host's files.
type Error struct {
	Host, Operation, Path string
	Err                   error
}

// Error is "HOST: OPERATION PATH: cause".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s %s: %v", e.Host, e.Operation, e.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// begin checks the path and opens the file session.
func begin(ctx context.Context, h *ssh.Host, name, at string) (*operation, error) {
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
		return errors.New("the path is empty")
	case strings.ContainsRune(p, 0):
		return errors.New("there is a zero byte in the path")
	case strings.HasPrefix(p, "~"):
		return event.WithHint(errors.New("~ is not known to the file functions"), "write the absolute path")
	case !path.IsAbs(p):
		return event.WithHint(errors.New("the path is not absolute"), "begin it with /")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." { // behind a link it leads elsewhere than it seems
			return event.WithHint(errors.New("there is .. in the path"), "write where it leads to")
		}
	}
	return nil
}

// fail makes an *Error of err.
func (o *operation) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	}
	return &Error{o.host.Name(), o.name, o.path, o.explain(err)}
}

// await runs one SFTP request, which knows no context. When ctx ends first, the request is left to finish or to end
// with the connection. Of several requests in one function none is begun after ctx has ended.
func await[T any](ctx context.Context, request func() (T, error)) (T, error) {
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		v, err := request()
		answers <- answer{v, missing(err)}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// do is await for a request that answers no more than whether it went well.
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

// changed tells the run's readers what was changed.
func (o *operation) changed(format string, args ...any) {
	event.Emit(o.ctx, event.Event{Kind: event.Changed, Host: o.host.Name(), Text: fmt.Sprintf(format, args...)})
}

// beside is a fresh name in the folder of p, for what will be renamed to p.
func beside(p string) string {
	return path.Join(path.Dir(p), "."+path.Base(p)+".runbook-"+rand.Text()[:10])
}

// discard removes a temporary file that came to nothing, also after an interrupt. Its error is of no use: the first
// one is what counts.
func (o *operation) discard(temp string) {
	_ = o.files.Remove(temp)
}
