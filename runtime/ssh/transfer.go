package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"runbook/runtime/event"
)

// Upload copies a file or a folder of this machine to the path to on the host, with modes and, within a folder, links as they are.
//
// It is all there or not at all: everything is written under a temporary name beside the target, and then renamed. A
// file replaces a file. A folder replaces nothing, because no rename replaces a folder that has something in it: that to exists is an
// error. mode, when not 0, takes the place of a file's own.
//
// The bytes go as one stream through a session of their own: a file as it is, a folder as a tar archive. Where the host
// can't take that, having no tar for one, they go by sftp.
func (h *Host) Upload(ctx context.Context, from, to string, mode fs.FileMode) error {
	ctx = h.context(ctx)
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if mode == 0 || info.IsDir() {
		mode = info.Mode().Perm()
	}
	temporary := temporaryName(to)
	u := upload{ctx: ctx, host: h, from: from, to: to, temporary: temporary, mode: mode, folder: info.IsDir()}
	err = errNoStream
	if info.IsDir() || info.Mode().IsRegular() {
		err = u.stream(info.Size())
	}
	if errors.Is(err, errNoStream) {
		err = u.sftp()
	}
	if err != nil {
		return fmt.Errorf("upload %s to %s: %w", from, to, err)
	}
	event.Emit(ctx, event.Event{Kind: event.Changed, Text: "uploaded " + from + " to " + to})
	return nil
}

// upload is one use of Upload.
type upload struct {
	ctx       context.Context
	host      *Host
	from, to  string
	temporary string
	mode      fs.FileMode
	folder    bool
}

// Download copies a file or a folder of the host to the path to on this machine, by the rules of Upload.
func (h *Host) Download(ctx context.Context, from, to string) error {
	ctx = h.context(ctx)
	d := download{ctx: ctx, host: h, from: from, to: to, temporary: temporaryName(to)}
	err := d.stream()
	if errors.Is(err, errNoStream) {
		if err = discardLocal(d.temporary); err == nil {
			err = d.sftp()
		}
	}
	if err == nil {
		err = os.Rename(d.temporary, to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("download %s to %s: %w", from, to, err), discardLocal(d.temporary))
	}
	return nil
}

// download is one use of Download.
type download struct {
	ctx       context.Context
	host      *Host
	from, to  string
	temporary string
}

// discardLocal removes what was left under a temporary name, also folders that forbid that.
func discardLocal(name string) error {
	err := filepath.WalkDir(name, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(p, 0o700)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(name)
}

// checkTarget refuses a target that could not be replaced as a whole.
func checkTarget(folder bool, to string, lstat func(string) (fs.FileInfo, error)) error {
	there, err := lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", to, err)
	case there.IsDir() && !folder:
		return isFolder(to)
	case folder:
		return isThere(to)
	}
	return nil
}

func isFolder(to string) error {
	return event.WithHint(fmt.Errorf("%s is a folder", to), "name the file in it, as "+strings.TrimRight(to, "/")+"/NAME")
}

func isThere(to string) error {
	return event.WithHint(fmt.Errorf("%s exists, and a folder replaces nothing", to), "choose a new name for it, or remove the old one first")
}

// temporaryName is a name beside to that nothing else has.
func temporaryName(to string) string {
	to = strings.TrimRight(to, "/")
	return path.Join(path.Dir(filepath.ToSlash(to)), "."+path.Base(filepath.ToSlash(to))+".runbook-"+strings.Trim(newMark(), "=")[:12])
}

// discardLimit is how long removing what is left of an upload may take.
const discardLimit = 30 * time.Second
