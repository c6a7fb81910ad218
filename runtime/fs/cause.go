package fs

import (
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// cause is an error in plain words.
type cause struct {
	words string
	err   error
}

func (c cause) Error() string { return c.words }
func (c cause) Unwrap() error { return c.err }

// explain puts an error into words. SFTP knows "no such file" and "permission denied"; everything
// else is a "failure".
func (o *operation) explain(err error) error {
	var done cause
	if err == nil || errors.As(err, &done) {
		return err
	}
	if errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &shell.LostError{Host: o.host.Name(), Command: o.name + " " + o.path, Err: errors.New("the file session ended")}
	}
	var at *os.PathError
	if errors.As(err, &at) { // the error names the path already
		err = at.Err
	}
	var status *sftp.StatusError
	switch {
	case errors.Is(err, os.ErrNotExist) && slices.Contains([]string{"write", "append to", "symlink", "mkdir"}, o.name):
		return errNoFolder(o.path)
	case errors.Is(err, os.ErrNotExist):
		return cause{"no such file or folder", err}
	case errors.Is(err, os.ErrPermission):
		if o.user != "" {
			return cause{"permission denied, even for " + o.user, err}
		}
		return event.WithHint(cause{"permission denied", err},
			"the login user must own it, or the folder that contains it; or use { sudo = true }")
	case errors.Is(err, errNoSpace) && o.space() == noInodes:
		return event.WithHint(cause{noInodes, err}, noInodesHint)
	case errors.Is(err, errNoSpace):
		return event.WithHint(cause{noSpace, err}, noSpaceHint)
	case errors.Is(err, errNotEmpty):
		return event.WithHint(cause{"the folder is not empty", err}, notEmptyHint)
	case !errors.As(err, &status):
		return err
	case status.FxCode() == sftp.ErrSSHFxOpUnsupported:
		return event.WithHint(cause{"the host's SFTP server does not support this operation", err}, "use OpenSSH's sftp-server")
	case status.FxCode() == sftp.ErrSSHFxFailure:
		return o.diagnose(err)
	}
	return err
}

// missing returns os.ErrNotExist if a part of the path is not a folder, for servers that report
// this as a failure. OpenSSH's reports "no such file".
func missing(err error) error {
	var status *sftp.StatusError
	if errors.As(err, &status) && strings.Contains(err.Error(), "not a directory") {
		return os.ErrNotExist
	}
	return err
}

const noSpace, noInodes, readOnly = "no space left on the file system", "no inodes left on the file system", "the file system is read-only"

const (
	noSpaceHint  = "remove old releases, or make the disk larger"
	noInodesHint = "remove folders with many small files"
	notEmptyHint = "use { recursive = true } to remove all that is in it"
)

// Reasons of programs on a host.
var errNoSpace, errNotEmpty, errReadOnly = errors.New(noSpace), errors.New("the folder is not empty"), errors.New(readOnly)

// diagnose finds the reason of SFTP's "failure" in the server's message, or by looking at the host.
// It must look before a temporary file is removed.
func (o *operation) diagnose(err error) error {
	words := ""
	for text, reason := range map[string]string{"no space left": noSpace, "read-only file system": readOnly} {
		if strings.Contains(err.Error(), text) {
			words = reason
		}
	}
	if found := o.space(); found != "" && words != readOnly {
		words = found
	}
	switch words {
	case noSpace:
		return event.WithHint(cause{noSpace, err}, noSpaceHint)
	case noInodes:
		return event.WithHint(cause{noInodes, err}, noInodesHint)
	case readOnly:
		return cause{words, err}
	}
	fi, e := o.lstat(o.path)
	switch {
	case e != nil:
	case fi.IsDir() && o.name == "remove":
		return event.WithHint(cause{"the folder is not empty", err}, notEmptyHint)
	case fi.IsDir() && o.name == "read":
		return cause{"is a folder", err}
	}
	return cause{"the host refused: " + err.Error(), err}
}

// space returns what the file system lacks, or "".
func (o *operation) space() string {
	const readOnlyFlag = 1 // SSH_FXE_STATVFS_ST_RDONLY
	if o.files == nil {
		o.files = o.sudo() // without sudo it works as well, by the login shell
	}
	for _, p := range []string{o.path, path.Dir(o.path)} {
		st, err := await(o, func() (*sftp.StatVFS, error) { return o.files.StatVFS(p) })
		switch {
		case err != nil:
			continue
		case st.Flag&readOnlyFlag != 0:
			return readOnly
		case st.Bavail == 0:
			return noSpace
		case st.Files > 0 && st.Favail == 0:
			return noInodes
		}
		return ""
	}
	return ""
}
