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

// fail makes an *Error of err, in words: SFTP knows "no such file" and "permission denied", and calls the rest "failure".
func (o *operation) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case o.ctx.Err() != nil:
		return context.Cause(o.ctx)
	}
	var at *os.PathError
	if errors.As(err, &at) { // the path is named here
		err = at.Err
	}
	var status *sftp.StatusError
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = cause{"no such file or folder", err}
	case errors.Is(err, os.ErrPermission):
		err = event.WithHint(cause{"permission denied", err}, "the login user must own it, or own the folder that it is in")
	case errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxFailure:
		err = o.diagnose(err)
	case errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported:
		err = event.WithHint(cause{"the host's SFTP server can't do that", err}, "OpenSSH's sftp-server can")
	}
	return &Error{o.host.Name(), o.name, o.path, err}
}

// cause is an error in better words.
type cause struct {
	words string
	err   error
}

func (c cause) Error() string { return c.words }
func (c cause) Unwrap() error { return c.err }

// diagnose finds out what SFTP's "failure" meant, where one look can tell.
func (o *operation) diagnose(err error) error {
	const readOnly = 1 // SSH_FXE_STATVFS_ST_RDONLY
	for _, p := range []string{o.path, path.Dir(o.path)} {
		st, e := await(o.ctx, func() (*sftp.StatVFS, error) { return o.files.StatVFS(p) })
		if e != nil {
			continue
		}
		switch {
		case st.Flag&readOnly != 0:
			return cause{"the file system is read-only", err}
		case st.Bavail == 0:
			return event.WithHint(cause{"no space left on the file system", err}, "remove old releases, or make the disk larger")
		case st.Files > 0 && st.Favail == 0:
			return event.WithHint(cause{"no inodes left on the file system", err}, "remove folders with many small files")
		}
		break
	}
	fi, e := o.lstat(o.path)
	switch {
	case e != nil:
	case fi.IsDir() && o.name == "remove":
		return event.WithHint(cause{"the folder is not empty", err}, "use { recursive = true } to remove all that is in it")
	case fi.IsDir():
		return cause{"it is a folder", err}
	}
	return cause{"the host refused: " + err.Error(), err}
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
		answers <- answer{v, err}
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
