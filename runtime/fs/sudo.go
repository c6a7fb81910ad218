package fs

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// filesScript documents its operations.
//
//go:embed files.sh
var filesScript string

// sudoClient works on files as another user, by one shell that sudo keeps for that user. Each call
// is one round trip.
type sudoClient struct {
	ctx  context.Context
	host *shell.Host
	user string
}

// run runs an operation of filesScript and returns its output, of at most max bytes.
func (c sudoClient) run(max int, operation, path, argument string) (string, error) {
	r, err := c.host.Run(c.ctx, shell.Command{Script: filesScript, Args: []string{operation, path, argument},
		Sudo: c.user, Resident: true, Quiet: true, AnyStatus: true, Max: max})
	if err == nil && r.Code != 0 {
		err = hostError(r)
	}
	return r.Stdout, err
}

// do is run for an operation without output.
func (c sudoClient) do(operation, path, argument string) error {
	_, err := c.run(maxName, operation, path, argument)
	return err
}

// hostError returns the error of a program on a host, from its message in English.
func hostError(r shell.Result) error {
	said := output.LastLines(r.Stderr)
	reason := said[strings.LastIndex(said, ": ")+1:]
	for text, err := range map[string]error{
		"No such file": os.ErrNotExist, "Not a directory": os.ErrNotExist, "File exists": os.ErrExist,
		"Permission denied": os.ErrPermission, "Operation not permitted": os.ErrPermission,
		"No space left on device": errNoSpace, "Disk quota exceeded": errNoSpace, "Read-only file system": errReadOnly,
		"Directory not empty": errNotEmpty, "Is a directory": errors.New("is a folder"),
	} {
		if strings.HasPrefix(reason, " "+text) {
			return err
		}
	}
	if said == "" {
		said = fmt.Sprintf("exit status %d", r.Code)
	}
	return fmt.Errorf("the host refused: %s", said)
}

// attributes reads what filesScript prints for lstat and stat.
func (c sudoClient) attributes(operation, path string) (os.FileInfo, error) {
	out, err := c.run(maxName, operation, path, "")
	if err != nil {
		return nil, err
	}
	st, modified := &sftp.FileStat{}, int64(0)
	if _, err := fmt.Sscanf(out, "%x %d %d %d %d", &st.Mode, &st.Size, &modified, &st.UID, &st.GID); err != nil {
		return nil, fmt.Errorf("the host described it as %.100q", out)
	}
	return described{path, st, time.Unix(modified, 0)}, nil
}

func (c sudoClient) Lstat(path string) (os.FileInfo, error) { return c.attributes("lstat", path) }
func (c sudoClient) Stat(path string) (os.FileInfo, error)  { return c.attributes("stat", path) }

func (c sudoClient) ReadLink(path string) (string, error) {
	return c.run(maxName+1, "readlink", path, "") // one more, for a longer name is an error that names the limit
}

func (c sudoClient) Symlink(target, path string) error { return c.do("symlink", path, target) }
func (c sudoClient) Mkdir(path string) error           { return c.do("mkdir", path, "") }
func (c sudoClient) Remove(path string) error          { return c.do("remove", path, "") }
func (c sudoClient) RemoveDirectory(path string) error { return c.do("rmdir", path, "") }
func (c sudoClient) PosixRename(from, to string) error { return c.do("rename", from, to) }
func (c sudoClient) Chmod(path string, mode os.FileMode) error {
	return c.do("chmod", path, "0"+octal(mode)) // by five digits GNU's chmod also clears a folder's setgid
}

func (c sudoClient) StatVFS(path string) (*sftp.StatVFS, error) {
	out, err := c.run(maxName, "space", path, "")
	if err != nil {
		return nil, err
	}
	st := &sftp.StatVFS{}
	if _, err := fmt.Sscanf(out, "%d %d %d %d %d", &st.Frsize, &st.Blocks, &st.Bavail, &st.Files, &st.Favail); err != nil {
		return nil, fmt.Errorf("the host described its file system as %.100q", out)
	}
	return st, nil
}

// read returns the beginning of a file, one byte more than max if it is longer.
func (c sudoClient) read(path string, max int) (string, error) {
	text, err := c.run(max+1, "read", path, fmt.Sprint(max+1))
	if err == nil && len(text) > max {
		err = errTooLarge
	}
	return text, err
}

// names returns the sorted names in a folder, within the limits of a listing.
func (c sudoClient) names(path string) ([]string, error) {
	ctx, stop := context.WithCancelCause(c.ctx)
	defer stop(nil)
	list := &nameList{path: path, stop: stop, names: []string{}}
	r, err := c.host.Run(ctx, shell.Command{Script: filesScript, Args: []string{"names", path, ""}, Sudo: c.user, Resident: true,
		Quiet: true, AnyStatus: true, Output: list})
	switch {
	case list.err != nil:
		return nil, list.err
	case err != nil:
		return nil, err
	case r.Code != 0:
		return nil, hostError(r)
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

// described is a file as stat(1) on a host describes it.
type described struct {
	path     string
	st       *sftp.FileStat
	modified time.Time
}

func (d described) Name() string       { return d.path[strings.LastIndexByte(d.path, '/')+1:] }
func (d described) Size() int64        { return int64(d.st.Size) }
func (d described) Mode() os.FileMode  { return d.st.FileMode() }
func (d described) ModTime() time.Time { return d.modified }
func (d described) IsDir() bool        { return d.Mode().IsDir() }
func (d described) Sys() any           { return d.st }
