package transfer

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// DownloadOptions are options of Download.
type DownloadOptions struct {
	Max  int64  // limits what is written, in bytes
	Sudo string // the user on the host who reads, by sudo; "" for the login user
}

// Download copies a file or a folder of the host to the path to on this machine, like Upload. The
// copy belongs to the user of this machine.
func Download(ctx context.Context, h *shell.Host, from, to string, o DownloadOptions) error {
	d := download{ctx: ctx, host: h, from: from, to: to, sudo: o.Sudo, temporary: temporaryName(to),
		budget: newBudget(from, o.Max)}
	err := d.fetch()
	if err == nil {
		err = os.Rename(d.temporary, to)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("download %s to %s: %w", from, to, err), discardLocal(d.temporary))
	}
	return nil
}

// download is one call of Download.
type download struct {
	ctx       context.Context
	host      *shell.Host
	from, to  string
	sudo      string
	temporary string
	budget    *budget
}

// downloadScript prints a line with the mode of a file or the word folder, and then the file or an
// archive of the folder.
//
//go:embed download.sh
var downloadScript string

// fetch copies the file or folder to the temporary name. The script's status comes after all of its
// output, so a status of 0 means that nothing is missing.
func (d *download) fetch() error {
	ctx, stop := context.WithCancelCause(d.ctx)
	defer stop(nil)
	in, out := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := d.write(in)
		if err != nil {
			stop(err) // the rest is not needed
			in.CloseWithError(err)
		}
		_, _ = io.Copy(io.Discard, in) // the padding after an archive
		written <- err
	}()
	nothing := ""
	r, err := d.host.Run(ctx, shell.Command{Quiet: true, AnyStatus: true, Sudo: d.sudo, Stdin: &nothing, Output: out,
		Argv: []string{"/bin/sh", "-c", downloadScript, "sh", d.from}})
	ended := error(io.ErrUnexpectedEOF)
	if err == nil && r.Code == 0 {
		ended = io.EOF
	}
	out.CloseWithError(ended)
	bad := <-written
	switch {
	case d.ctx.Err() != nil:
		return context.Cause(d.ctx)
	case err != nil && !errors.Is(err, bad): // this side did not stop it
		return err
	case r.Code == codeNoTar:
		return errNoTar
	case r.Code == codeMissing:
		return fmt.Errorf("%s: %w", d.from, fs.ErrNotExist)
	case r.Code == codeOdd:
		return unsupported(reason(r))
	case err == nil && r.Code != 0:
		return fmt.Errorf("the host could not read it: %s", reason(r))
	}
	return bad
}

// write writes what arrives to the temporary name.
func (d *download) write(in io.Reader) error {
	r := bufio.NewReaderSize(io.TeeReader(in, newProgress(d.ctx, d.host.Name(), d.from, 0)), 256<<10)
	line, err := r.ReadSlice('\n') // reads at most as much as fits into the buffer
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	kind := strings.TrimSpace(string(line))
	folder := kind == "folder"
	if err := d.checkTarget(folder); err != nil {
		return err
	}
	if folder {
		return unpack(r, d.temporary, d.budget)
	}
	mode, err := strconv.ParseUint(kind, 8, 32)
	if err != nil {
		return fmt.Errorf("the host answered with %.100q instead of a mode", kind)
	}
	create := func(flag int) (*os.File, error) { return os.OpenFile(d.temporary, flag, 0o600) }
	return d.budget.writeFile(r, create, fs.FileMode(mode).Perm())
}

// checkTarget refuses a target that cannot be replaced by one rename.
func (d *download) checkTarget(folder bool) error {
	there, err := os.Lstat(d.to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		folder := filepath.Dir(d.to)
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return event.WithHint(fmt.Errorf("this machine has no folder %s", folder),
				fmt.Sprintf("make it first: localhost.fs:mkdir(%q)", folder))
		}
		return nil
	case err != nil:
		return err
	case there.IsDir() && !folder:
		return isFolder(d.to)
	case folder:
		return isThere(d.to)
	}
	return nil
}

// discardLocal removes a temporary file or folder, even one with folders that forbid it.
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
