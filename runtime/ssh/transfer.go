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

// UploadOptions say how something is copied to a host.
type UploadOptions struct {
	Mode fs.FileMode // a file's permissions; 0 for its own
	// Changed sends only the files that differ from those on the host, by size, mode and SHA-256 sum, which one command there tells of all
	// of them. A folder replaces a folder then; what is the same there is in the new one by hard links.
	Changed bool
}

// Upload copies a file or a folder of this machine to the path to on the host, with modes and, within a folder, links as they are. It returns
// false when there was nothing to do, which only o.Changed finds out.
//
// It is all there or not at all: everything is written under a temporary name beside the target, and then renamed. A
// file replaces a file. A folder replaces nothing unless o.Changed is set, because no rename replaces a folder that has something in it: that to
// exists is an error. With o.Changed the folders change places in one instant where mv(1) on the host knows --exchange (coreutils 9.5), else
// by two renames.
//
// The bytes go as one stream through a session of their own: a file as it is, a folder as a tar archive. Where the host
// can't take that, having no tar for one, they go by sftp.
func (h *Host) Upload(ctx context.Context, from, to string, o UploadOptions) (bool, error) {
	ctx = h.context(ctx)
	info, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	if o.Mode == 0 || info.IsDir() {
		o.Mode = info.Mode().Perm()
	}
	temporary := temporaryName(to)
	u := upload{ctx: ctx, host: h, from: from, to: to, temporary: temporary, mode: o.Mode, folder: info.IsDir()}
	needed := true
	if o.Changed {
		needed, err = u.compare(info)
	}
	if err == nil && needed {
		err = u.all(info)
	}
	if err != nil {
		return false, fmt.Errorf("upload %s to %s: %w", from, to, err)
	}
	if needed {
		event.Emit(ctx, event.Event{Kind: event.Changed, Text: "uploaded " + from + " to " + to})
	}
	return needed, nil
}

// upload is one use of Upload.
type upload struct {
	ctx       context.Context
	host      *Host
	from, to  string
	temporary string
	mode      fs.FileMode
	folder    bool
	replace   bool            // the folder takes the place of one
	same      map[string]bool // files that are in the folder under the temporary name already, by their paths within it
}

// all sends what is to be sent.
func (u *upload) all(info fs.FileInfo) error {
	err := errNoStream
	if info.IsDir() || info.Mode().IsRegular() {
		err = u.stream(info.Size())
	}
	if errors.Is(err, errNoStream) && !u.replace {
		err = u.sftp()
	}
	return err
}

// Download copies a file or a folder of the host to the path to on this machine, by the rules of Upload. At most so many bytes are
// written; more is an error.
func (h *Host) Download(ctx context.Context, from, to string, most int64) error {
	ctx = h.context(ctx)
	d := download{ctx: ctx, host: h, from: from, to: to, temporary: temporaryName(to), budget: newBudget(from, most)}
	err := d.stream()
	if errors.Is(err, errNoStream) {
		d.budget = newBudget(from, most)
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
	budget    *budget
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
