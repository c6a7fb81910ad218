package transfer

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// UploadOptions are the options of Upload.
type UploadOptions struct {
	// Mode is a file's permissions; 0 for its own. In a folder, all files have it, and the folders
	// too, with the right to enter for those who may read.
	Mode fs.FileMode
	// Changed sends only the files that differ from those on the host in size, mode, owner or
	// SHA-256 sum. Then a folder may replace a folder: the new one shares unchanged files with the
	// old one, by hard links. Files that only the host has stay.
	Changed bool
	// Exclude matches files that are not sent, and that stay as they are on the host. It implies
	// Changed.
	Exclude []Pattern
	// Delete removes files that only the host has. It implies Changed.
	Delete bool
	// Owner is the owner of the copy. By default a replaced file or folder keeps its owner if sudo
	// or root can set it, and everything else belongs to the user who writes.
	Owner owner.Owner
	Sudo  string // the user on the host who writes, by sudo; "" for the login user
}

func (o UploadOptions) compares() bool { return o.Changed || o.Delete || len(o.Exclude) > 0 }

// Upload copies a file or a folder of this machine to the path to on the host. It keeps modes, and
// links within a folder. It returns false if nothing had to be done, which only o.Changed detects.
//
// The copy is written under a temporary name beside the target, and then renamed. A file replaces a
// file. A folder replaces nothing unless o.Changed is set, because rename(2) does not replace a
// folder with files in it. With o.Changed the two folders are exchanged at once if the host has
// mv(1) with --exchange (coreutils 9.5) or Python 3, otherwise by two renames.
func Upload(ctx context.Context, h *shell.Host, from, to string, o UploadOptions) (bool, error) {
	u, err := newUpload(ctx, h, from, to, o)
	if err == nil && u.o.Changed {
		err = u.compare()
	}
	needed := !u.o.Changed || !u.difference.none()
	if err == nil && needed {
		err = u.send()
	}
	if err != nil {
		return false, fmt.Errorf("upload %s to %s: %w", from, to, err)
	}
	if needed {
		event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(), Text: "uploaded " + from + " to " + to +
			u.counts()})
	}
	return needed, nil
}

// Compare returns what an upload with o.Changed would change.
func Compare(ctx context.Context, h *shell.Host, from, to string, o UploadOptions) (Difference, error) {
	o.Changed = true
	u, err := newUpload(ctx, h, from, to, o)
	if err == nil {
		err = u.compare()
	}
	return u.difference, err
}

// upload is one call of Upload.
type upload struct {
	ctx       context.Context
	host      *shell.Host
	from, to  string
	temporary string
	info      fs.FileInfo
	o         UploadOptions
	owner     owner.Owner
	exclude   exclusions

	progress   *progress // of the stream
	difference Difference
	replace    bool                    // the folder replaces another
	same       map[string]bool         // files that the new folder already has, by path
	kept       []string                // paths that only the host has and that stay
	replaced   map[string]owner.Actual // by path, of what is replaced by the same kind of entry
}

// newUpload validates the arguments of Upload.
func newUpload(ctx context.Context, h *shell.Host, from, to string, o UploadOptions) (*upload, error) {
	o.Changed = o.compares()
	trimmed := strings.TrimRight(to, "/")
	u := &upload{ctx: ctx, host: h, from: from, to: trimmed, temporary: temporaryName(trimmed), o: o, owner: o.Owner,
		replaced: map[string]owner.Actual{}}
	if trimmed == "" {
		return u, errors.New("no file or folder on the host is named")
	}
	err := o.Owner.Check()
	if err == nil {
		u.exclude, err = parsePatterns(o.Exclude)
	}
	if err == nil {
		u.info, err = os.Stat(from)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return u, event.WithHint(fmt.Errorf("this machine has no %s", from),
			"a path on this machine is relative to the project; "+
				"here(\"NAME\") is a file beside the recipe")
	}
	switch {
	case err != nil:
		return u, err
	case !u.info.IsDir() && !u.info.Mode().IsRegular():
		return u, unsupported(from)
	case !u.info.IsDir() && (o.Delete || len(o.Exclude) > 0):
		return u, errFolderOptions
	}
	return u, nil
}

func (u *upload) folder() bool { return u.info.IsDir() }

// perm returns the permissions of the copy of a file or folder.
func (u *upload) perm(info fs.FileInfo) fs.FileMode {
	switch mode := u.o.Mode; {
	case mode == 0 && runtime.GOOS == "windows": // on Windows every file looks writable by everybody
		return info.Mode().Perm() &^ 0o022
	case mode == 0:
		return info.Mode().Perm()
	case info.IsDir():
		return mode | mode&0o444>>2
	default:
		return mode
	}
}

// counts says how much of a folder changed, or "" where that is not known.
func (u *upload) counts() string {
	if !u.replace {
		return ""
	}
	return ": " + u.difference.String()
}

// send streams the file or folder.
func (u *upload) send() error {
	if !u.folder() {
		in, err := os.Open(u.from)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }() // all is read
		size := u.info.Size()
		if size >= splitSize {
			if sent, err := u.sendSplit(in, size); sent || err != nil {
				return err
			}
		}
		return u.stream("file", size, io.LimitReader(in, size), nil)
	}
	kind := "folder"
	if u.replace {
		kind = "changed"
		if err := u.share(); err != nil {
			return err
		}
	}
	in, out := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := u.pack(out)
		out.CloseWithError(err)
		packed <- err
	}()
	err := u.stream(kind, 0, in, nil)
	_ = in.Close() // ends the packing if the host has stopped reading
	if bad := <-packed; bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return bad
	}
	return err
}

// The exit statuses of the scripts.
const (
	codeIsFolder = 41 // the target of a file is a folder
	codeIsThere  = 42 // the target of a folder exists
	codeNoTar    = 44 // the host has no tar
	codePart     = 45 // the stream ended early
	codeMissing  = 46 // a folder or file is missing
	codeOdd      = 47 // not a file, folder or link
)

// uploadScript writes a file or an archive from stdin. It documents its arguments.
//
// When the connection dies, its stdin ends just like a complete stream. So it compares a file's
// size, and looks for the entry that pack puts last.
//
//go:embed upload.sh
var uploadScript string

//go:embed exchange.py
var exchangeProgram string

// stream runs the script on the host with in as its input and out for its output.
func (u *upload) stream(kind string, size int64, in io.Reader, out io.Writer) error {
	u.progress = newProgress(u.ctx, u.host.Name(), u.from, size)
	r, err := u.host.Run(u.ctx, shell.Command{
		Quiet: true, AnyStatus: true, Sudo: u.o.Sudo,
		Input: io.TeeReader(in, u.progress), Output: out,
		Argv: []string{"/bin/sh", "-c", uploadScript, "sh", kind, u.to, u.temporary, path.Dir(u.temporary),
			strconv.FormatUint(uint64(u.perm(u.info)), 8), strconv.FormatInt(size, 10), u.owner.String(),
			exchangeProgram},
	})
	if err != nil {
		return u.discard(err)
	}
	switch r.Code {
	case 0:
		return nil
	case codeNoTar:
		return errNoTar
	case codeIsFolder:
		return isFolder(u.to)
	case codeIsThere:
		return event.WithHint(isThere(u.to),
			"set changed = true to replace a folder by its difference, or choose a new name")
	case codeMissing:
		return fmt.Errorf("%s: %w", path.Dir(u.temporary), fs.ErrNotExist)
	case codePart:
		return fmt.Errorf("%s %w", u.from, errPart)
	}
	return u.explain(r)
}

// explain returns the error of a script that failed on the host.
func (u *upload) explain(r shell.Result) error {
	err := fmt.Errorf("the host could not write it: %s", reason(r))
	switch {
	case strings.Contains(r.Stderr, "No space left"), strings.Contains(r.Stderr, "Wrote only"): // by tar
		return event.WithHint(fmt.Errorf("no space left on the file system: %s", reason(r)),
			"remove old releases, or make the disk larger")
	case u.o.Sudo == "" && strings.Contains(r.Stderr, "Operation not permitted") && u.owner.String() != "":
		return event.WithHint(err, "only root may give a file to another user: use { sudo = true }")
	case strings.Contains(r.Stderr, "invalid user"), strings.Contains(r.Stderr, "invalid group"):
		return event.WithHint(err, "create it first, or correct its name")
	}
	return err
}

// errPart is the error of codePart, after the name of the file.
var errPart = errors.New("changed while it was read")

var errNoTar = event.WithHint(errors.New("the host has no tar(1), which folders are packed with"),
	"install the package tar on the host")

// discardLimit limits how long removing the leftovers of an upload may take.
const discardLimit = 30 * time.Second

// discard removes the leftovers of a script that did not run to its end. It returns err, joined
// with the error of the removal.
func (u *upload) discard(err error) error {
	var lost *shell.LostError
	if errors.As(err, &lost) {
		return err // the script notices the lost connection and cleans up itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), discardLimit)
	defer cancel()
	const script = `if [ -e "$1.old" ] && [ ! -e "$2" ]; then mv -T -- "$1.old" "$2"; fi
find "$1" "$1.old" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null; rm -rf -- "$1" "$1.old" "$1.end"`
	_, left := u.host.Run(ctx, shell.Command{Quiet: true, Sudo: u.o.Sudo, Resident: true,
		Argv: []string{"/bin/sh", "-c", script, "sh", u.temporary, u.to}})
	return errors.Join(err, left)
}

// reason returns the errors that a script printed.
func reason(r shell.Result) string {
	if text := output.LastLines(r.Stderr); text != "" {
		return text
	}
	return fmt.Sprintf("exit status %d", r.Code)
}

// unsupported is the error of a device, pipe or socket.
func unsupported(path string) error { return fmt.Errorf("%s is not a file, folder or link", path) }

func isFolder(to string) error {
	return event.WithHint(fmt.Errorf("%s is a folder", to),
		"name the file in it, as "+strings.TrimRight(to, "/")+"/NAME")
}

func isThere(to string) error {
	return event.WithHint(fmt.Errorf("%s exists, and a folder replaces nothing", to),
		"choose a new name for it, or remove the old one first")
}

// temporaryName returns a new name in the folder of to.
func temporaryName(to string) string {
	to = filepath.ToSlash(strings.TrimRight(to, "/"))
	return path.Join(path.Dir(to), "."+path.Base(to)+".runbook-"+rand.Text()[:12])
}
