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
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// UploadOptions are the options of Upload.
type UploadOptions struct {
	Mode fs.FileMode // a file's permissions; 0 for its own
	// Changed sends only the files that differ from those on the host in size, mode or SHA-256 sum.
	// Then a folder may replace a folder: the new one shares the files that are the same, by hard
	// links.
	Changed bool
	Sudo    string // the user on the host to whom the copy belongs, by sudo; "" for the login user
}

// Upload copies a file or a folder of this machine to the path to on the host. It keeps modes, and
// links within a folder. It returns false if nothing was to do, which only o.Changed finds out.
//
// The copy is written under a temporary name beside the target, and then renamed. A file replaces a
// file. A folder replaces nothing unless o.Changed is set, because rename(2) does not replace a
// folder with files in it. With o.Changed the two folders are exchanged at once if mv(1) on the
// host has --exchange (coreutils 9.5), otherwise by two renames.
func Upload(ctx context.Context, h *shell.Host, from, to string, o UploadOptions) (bool, error) {
	info, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return false, fmt.Errorf("upload %s to %s: %w", from, to, unsupported(from))
	}
	if o.Mode == 0 || info.IsDir() {
		o.Mode = info.Mode().Perm()
	}
	u := upload{ctx: ctx, host: h, from: from, to: to, temporary: temporaryName(to), mode: o.Mode, folder: info.IsDir(), sudo: o.Sudo}
	needed := true
	if o.Changed {
		needed, err = u.compare(info)
	}
	if err == nil && needed {
		err = u.send(info.Size())
	}
	if err != nil {
		return false, fmt.Errorf("upload %s to %s: %w", from, to, err)
	}
	if needed {
		event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(), Text: "uploaded " + from + " to " + to})
	}
	return needed, nil
}

// upload is one call of Upload.
type upload struct {
	ctx       context.Context
	host      *shell.Host
	from, to  string
	temporary string
	mode      fs.FileMode
	sudo      string
	folder    bool
	replace   bool            // the folder replaces another
	same      map[string]bool // files that the new folder has already, by path
}

// send streams the file or folder.
func (u *upload) send(size int64) error {
	if !u.folder {
		in, err := os.Open(u.from)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }() // all is read
		return u.stream("file", size, io.LimitReader(in, size))
	}
	in, out := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(out, u.from, path.Base(u.temporary), u.same)
		out.CloseWithError(err)
		packed <- err
	}()
	kind := "folder"
	if u.replace {
		kind = "changed"
	}
	err := u.stream(kind, 0, in)
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

// stream runs the script on the host with in as its input.
func (u *upload) stream(kind string, size int64, in io.Reader) error {
	r, err := u.host.Run(u.ctx, shell.Command{
		Quiet: true, AnyStatus: true, Sudo: u.sudo,
		Input: io.TeeReader(in, newProgress(u.ctx, u.host.Name(), u.from, size)),
		Argv: []string{"/bin/sh", "-c", uploadScript, "sh", kind, u.to, u.temporary, path.Dir(u.temporary),
			strconv.FormatUint(uint64(u.mode), 8), strconv.FormatInt(size, 10)},
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
		return isThere(u.to)
	case codeMissing:
		return fmt.Errorf("%s: %w", path.Dir(u.temporary), fs.ErrNotExist)
	case codePart:
		return fmt.Errorf("%s changed while it was read", u.from)
	}
	return fmt.Errorf("the host could not write it: %s", reason(r))
}

var errNoTar = event.WithHint(errors.New("the host has no tar(1), which folders are packed with"),
	"install the package tar on the host")

// discardLimit limits removing what is left of an upload.
const discardLimit = 30 * time.Second

// discard removes what a script has left that did not run to its end. It returns err, and why the
// removal failed.
func (u *upload) discard(err error) error {
	var lost *shell.LostError
	if errors.As(err, &lost) {
		return err // the script ends with its session, and cleans up itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), discardLimit)
	defer cancel()
	const script = `find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null; rm -rf -- "$1" "$1.end"`
	_, left := u.host.Run(ctx, shell.Command{Quiet: true, Sudo: u.sudo, Resident: true,
		Argv: []string{"/bin/sh", "-c", script, "sh", u.temporary}})
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
