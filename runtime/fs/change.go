package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// MkdirOptions are options of Mkdir.
type MkdirOptions struct {
	Mode    string // octal, for the folder itself; "" leaves it to the umask
	Parents bool   // also create missing parent folders
}

// Mkdir creates a folder. It returns false if the folder, or a link to one, exists; then its mode
// does not change.
func (f Files) Mkdir(ctx context.Context, path string, opts MkdirOptions) (bool, error) {
	o, err := f.begin(ctx, "mkdir", path)
	if err != nil {
		return false, err
	}
	mode, err := parseMode(opts.Mode, 0)
	if err != nil {
		return false, o.fail(err)
	}
	made, err := o.mkdir(o.path, opts.Parents)
	if err == nil && made && opts.Mode != "" {
		err = o.do(func() error { return o.files.Chmod(o.path, mode) })
	}
	if err != nil {
		return false, o.fail(err)
	}
	if made {
		o.changed("made folder %s", o.path)
	}
	return made, nil
}

func (o *operation) mkdir(p string, parents bool) (bool, error) {
	there, err := o.isFolder(p)
	if there || err != nil {
		return false, err
	}
	if err = o.makeFolder(p); err == nil {
		return true, nil
	}
	if errors.Is(err, os.ErrNotExist) && parents && p != "/" {
		if _, err := o.mkdir(path.Dir(p), true); err != nil {
			return false, err
		}
		if err = o.makeFolder(p); err == nil {
			return true, nil
		}
	}
	// Another process may have created it since.
	if there, e := o.isFolder(p); there && e == nil {
		return false, nil
	}
	return false, err
}

// makeFolder creates one folder, with the run's umask where there is one: sftp has its own. A
// folder that inherited the group of its parent folder keeps the bit that passes it on.
func (o *operation) makeFolder(p string) error {
	err := o.do(func() error { return o.files.Mkdir(p) })
	if permissions := o.host.Permissions(); err == nil && permissions != nil {
		err = o.do(func() error {
			fi, err := o.files.Lstat(p)
			if err != nil {
				return err
			}
			return o.files.Chmod(p, fi.Mode()&os.ModeSetgid|0o777&^permissions.Umask)
		})
	}
	return err
}

// isFolder reports whether there is a folder at p. Anything else there is an error.
func (o *operation) isFolder(p string) (bool, error) {
	fi, err := await(o, func() (os.FileInfo, error) { return o.files.Stat(p) })
	switch {
	case errors.Is(err, os.ErrNotExist):
		// A dangling link is not a folder, and none can be created there.
		if link, e := o.lstat(p); e == nil {
			return false, fmt.Errorf("%s is %s", p, describe(link))
		}
		return false, nil
	case err != nil:
		return false, err
	case !fi.IsDir():
		return false, fmt.Errorf("%s is %s", p, describe(fi))
	}
	return true, nil
}

func describe(fi os.FileInfo) string {
	switch k := kind(fi); k {
	case "link":
		return "a dangling link"
	case "other":
		return "a device, pipe or socket"
	default:
		return "a " + k
	}
}

// Remove removes a file, a link or an empty folder; with recursive a folder and everything in it,
// by rm on the host. It never follows a link. It returns false if nothing was there.
func (f Files) Remove(ctx context.Context, path string, recursive bool) (bool, error) {
	o, err := f.begin(ctx, "remove", path)
	if err != nil {
		return false, err
	}
	if recursive && strings.Count(o.path, "/") < 2 {
		// The path of a mistake in a recipe, such as an empty variable after a slash.
		return false, o.fail(event.WithHint(errors.New("refusing to remove a top-level folder recursively"),
			"is a variable in the path empty?"))
	}
	fi, err := o.lstat(o.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, o.fail(err)
	case fi.IsDir() && recursive:
		err = o.removeAll()
	case fi.IsDir():
		err = o.do(func() error { return o.files.RemoveDirectory(o.path) })
	default:
		err = o.do(func() error { return o.files.Remove(o.path) })
	}
	if err != nil {
		return false, o.fail(err)
	}
	o.changed("removed %s", o.path)
	return true, nil
}

func (o *operation) removeAll() error {
	_, err := o.host.Run(o.ctx, shell.Command{Argv: []string{"rm", "-rf", "--", o.path}, Sudo: o.user, Resident: true, Quiet: true})
	return err
}

// Rename renames from to to as rename(2) does: an existing to is replaced atomically.
func (f Files) Rename(ctx context.Context, from, to string) error {
	o, err := f.begin(ctx, "rename", from)
	if err != nil {
		return err
	}
	if err := checkPath(to); err != nil {
		return o.fail(fmt.Errorf("to %q: %w", to, err))
	}
	to = path.Clean(to)
	if err := o.do(func() error { return o.files.PosixRename(o.path, to) }); err != nil {
		return o.fail(fmt.Errorf("to %s: %w", to, o.explain(err)))
	}
	o.changed("renamed %s to %s", o.path, to)
	return nil
}

// Symlink makes path a link to target, an absolute path. With replace, an existing link is replaced
// by one rename(2); anything else at path is an error. It returns false if the link points to
// target already.
func (f Files) Symlink(ctx context.Context, target, path string, replace bool) (bool, error) {
	o, err := f.begin(ctx, "symlink", path)
	if err != nil {
		return false, err
	}
	if err := checkPath(target); err != nil {
		return false, o.fail(fmt.Errorf("target %q: %w", target, err))
	}
	fi, err := o.lstat(o.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return false, o.fail(err)
	case kind(fi) != "link":
		return false, o.fail(event.WithHint(fmt.Errorf("exists and is %s, not a link", describe(fi)), "move it away first"))
	default:
		now, err := o.readlink(o.path)
		if err != nil || now == target {
			return false, err
		}
		if !replace {
			return false, o.fail(fmt.Errorf("is a link to %s", now))
		}
	}
	if err := o.link(target); err != nil {
		return false, o.fail(err)
	}
	o.changed("%s → %s", o.path, target)
	return true, nil
}

// link creates the link under another name, reads it back, renames it, and reads it again.
func (o *operation) link(target string) error {
	temp := beside(o.path)
	err := o.do(func() error {
		err := o.files.Symlink(target, temp)
		if err != nil {
			return err
		}
		written, err := o.files.ReadLink(temp)
		if err == nil && written != target {
			err = fmt.Errorf("the host created a link to %q", written)
		}
		if err = errors.Join(err, o.ctx.Err()); err != nil {
			o.discard(temp) // here, because after an interrupt nobody waits for this function
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := o.place(temp); err != nil {
		return err
	}
	written, err := o.readlink(o.path)
	if err == nil && written != target {
		err = fmt.Errorf("another process replaced the link by one to %q", written)
	}
	return err
}
