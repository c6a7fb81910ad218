package fs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// Error reports a failed operation on a host's files.
type Error struct {
	Host, Operation, Path string
	Err                   error
}

// Error returns "HOST: OPERATION PATH: cause".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s %s: %v", e.Host, e.Operation, e.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// failedRun is the error of a script that did not run to its end. It names the host itself.
type failedRun struct{ error }

func (f failedRun) Unwrap() error { return f.error }

// cause is an error in plain words.
type cause struct {
	words string
	err   error
}

func (c cause) Error() string { return c.words }
func (c cause) Unwrap() error { return c.err }

// Reasons of programs on a host.
var (
	errNoSpace  = errors.New("no space left on the file system")
	errNoInodes = errors.New("no inodes left on the file system")
	errReadOnly = errors.New("the file system is read-only")
	errNotEmpty = errors.New("the folder is not empty")
)

// hostError returns the error of a program on a host, from its message in English.
func (o *operation) hostError(r shell.Result) error {
	said := output.LastLines(r.Stderr)
	reason := said[strings.LastIndex(said, ": ")+1:]
	if o.user == "" && reason == " Operation not permitted" && strings.Contains(said, "chown: ") {
		return event.WithHint(cause{"only root may give a file to another user", os.ErrPermission},
			"use { sudo = true }")
	}
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
	for _, name := range []string{"invalid user", "invalid group", "unknown user", "unknown group"} {
		if strings.Contains(said, name) {
			return event.WithHint(errors.New(said), "create it first, or correct its name")
		}
	}
	if said == "" {
		said = fmt.Sprintf("exit status %d", r.Code)
	}
	return fmt.Errorf("the host refused: %s", said)
}

// explain puts an error into plain words.
func (o *operation) explain(err error) error {
	var done cause
	if errors.As(err, &done) {
		return err
	}
	if errors.Is(err, errNoSpace) && o.lacksInodes() {
		err = errNoInodes
	}
	switch {
	case errors.Is(err, os.ErrNotExist) && slices.Contains([]string{"symlink", "mkdir"}, o.name):
		return o.errObstacle("nofolder", "")
	case errors.Is(err, os.ErrNotExist):
		return cause{"no such file or folder", err}
	case errors.Is(err, os.ErrPermission) && o.user != "":
		return cause{"permission denied, even for " + o.user, err}
	case errors.Is(err, os.ErrPermission):
		return event.WithHint(cause{"permission denied", err},
			"the login user must own it, or the folder that contains it; or use { sudo = true }")
	case errors.Is(err, errNoSpace):
		return event.WithHint(err, "remove old releases, or make the disk larger")
	case errors.Is(err, errNoInodes):
		return event.WithHint(err, "remove folders with many small files")
	case errors.Is(err, errNotEmpty):
		return event.WithHint(err, "use { recursive = true } to remove all that is in it")
	}
	return err
}

// lacksInodes reports whether the file system is full because of the number of its files.
func (o *operation) lacksInodes() bool {
	for _, p := range []string{o.path, path.Dir(o.path)} {
		if space, err := o.space(p); err == nil {
			return space.InodesTotal > 0 && space.InodesFree == 0
		}
	}
	return false
}

// errObstacle returns the error for a path where a file is wanted and something else is. kind is as
// the scripts name it.
func (o *operation) errObstacle(kind, target string) error {
	switch kind {
	case "link":
		return event.WithHint(fmt.Errorf("is a link to %s", target), "write to its target, or remove the link first")
	case "folder":
		return event.WithHint(errors.New("exists and is a folder"), "name the file in it, as "+o.path+"/NAME")
	case "nofolder":
		folder := path.Dir(o.path)
		return event.WithHint(cause{"no such file or folder: its folder " + folder + " does not exist", os.ErrNotExist},
			fmt.Sprintf("make it first: host.fs:mkdir(%q)", folder))
	case "part":
		return errors.New("the text did not arrive as a whole")
	case "other":
		return errors.New("exists and is a device, pipe or socket")
	}
	return fmt.Errorf("the host answered with %.100q", kind)
}
