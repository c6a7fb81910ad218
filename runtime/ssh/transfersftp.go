package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
)

// sftp uploads file by file.
func (u *upload) sftp() error {
	files, err := u.host.Files(u.ctx)
	if err != nil {
		return err
	}
	if err := checkTarget(u.folder, u.to, files.Lstat); err != nil {
		return err
	}
	t := transfer{u.ctx, files}
	if u.folder {
		err = t.uploadFolder(u.from, u.temporary)
	} else {
		err = t.uploadFile(u.from, u.temporary, u.mode)
	}
	if err == nil {
		if err = files.PosixRename(u.temporary, u.to); err != nil {
			err = fmt.Errorf("rename %s to %s: %w", u.temporary, u.to, err)
		}
	}
	if err != nil {
		return errors.Join(err, t.discard(u.host, u.temporary))
	}
	return nil
}

// sftp downloads file by file to the temporary name.
func (d *download) sftp() error {
	files, err := d.host.Files(d.ctx)
	if err != nil {
		return err
	}
	info, err := files.Stat(d.from)
	if err != nil {
		return fmt.Errorf("%s: %w", d.from, err)
	}
	if err := checkTarget(info.IsDir(), d.to, os.Lstat); err != nil {
		return err
	}
	t := transfer{d.ctx, files}
	if !info.IsDir() {
		return t.downloadFile(d.from, d.temporary, info.Mode().Perm(), d.budget)
	}
	l, err := d.host.lister(d.ctx)
	if err != nil {
		return err
	}
	defer l.close()
	return t.downloadFolder(l, d.from, d.temporary, d.budget)
}

// transfer copies between this machine and a host.
type transfer struct {
	ctx   context.Context
	files *sftp.Client
}

// atOnce is how many pieces of 32 KiB of a file may be on their way by sftp: as many as fit into the 2 MiB that an SSH server
// takes unasked.
const atOnce = 64

// reader ends with the context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}

func (t transfer) uploadFile(from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := t.files.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return fmt.Errorf("create %s: %w", to, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Chmod(mode); err != nil { // before there is anything to read in it
		return fmt.Errorf("chmod %s: %w", to, err)
	}
	// Not ReadFrom: it sends one piece after the other when it isn't told how long a reader is.
	if _, err := out.ReadFromWithConcurrency(reader{t.ctx, in}, atOnce); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}

func (t transfer) uploadFolder(from, to string) error {
	type made struct {
		path string
		mode fs.FileMode
	}
	var folders []made
	err := walk(from, func(p, rel string, info fs.FileInfo) error {
		target := path.Join(to, rel)
		switch {
		case t.ctx.Err() != nil:
			return context.Cause(t.ctx)
		case info.IsDir():
			folders = append(folders, made{target, info.Mode().Perm()})
			return t.files.Mkdir(target)
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return t.files.Symlink(link, target)
		case info.Mode().IsRegular():
			return t.uploadFile(p, target, info.Mode().Perm())
		}
		return fmt.Errorf("%s is no file, folder or link", p)
	})
	// Modes come last, from within: a folder may forbid writing in it.
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		err = t.files.Chmod(folders[i].path, folders[i].mode)
	}
	return err
}

// discard removes what was left under a temporary name on the host.
func (t transfer) discard(host *Host, name string) error {
	info, err := t.files.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return t.files.Remove(name)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), discardLimit)
	defer cancel()
	l, err := host.lister(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	return t.removeFolder(l, name, newBudget(name, 0))
}

// removeFolder removes a folder and all that is in it.
func (t transfer) removeFolder(l *lister, name string, b *budget) error {
	entries, err := l.all(name, b)
	for _, e := range entries {
		if err != nil {
			return err
		}
		if at := path.Join(name, e.name); e.mode.IsDir() {
			err = t.removeFolder(l, at, b)
		} else {
			err = t.files.Remove(at)
		}
	}
	if err != nil {
		return err
	}
	return t.files.RemoveDirectory(name)
}

func (t transfer) downloadFile(from, to string, mode fs.FileMode, b *budget) (err error) {
	in, err := t.files.Open(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := in.WriteTo(budgeted{writer{t.ctx, out}, b}); err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	return out.Chmod(mode)
}

// writer ends with the context.
type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w writer) Write(b []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.w.Write(b)
}

func (t transfer) downloadFolder(l *lister, from, to string, b *budget) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	info, err := t.files.Stat(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := l.all(from, b)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	for _, e := range entries {
		// The name comes from the host: it must not lead out of the folder.
		if !filepath.IsLocal(e.name) || strings.Contains(e.name, `\`) {
			return fmt.Errorf("%s has an entry with the name %q", from, e.name)
		}
		source, target := path.Join(from, e.name), filepath.Join(to, e.name)
		switch {
		case e.mode.IsDir():
			err = t.downloadFolder(l, source, target, b)
		case e.mode&fs.ModeSymlink != 0:
			var link string
			if link, err = t.files.ReadLink(source); err == nil {
				err = os.Symlink(link, target)
			}
		case e.mode.IsRegular():
			err = t.downloadFile(source, target, e.mode.Perm(), b)
		default:
			err = fmt.Errorf("%s is no file, folder or link", source)
		}
		if err != nil {
			return err
		}
	}
	return os.Chmod(to, info.Mode().Perm())
}
