package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// MkdirOptions say how Mkdir makes a folder.
type MkdirOptions struct {
	Mode    string // octal, for the folder itself; "" leaves it to the host's umask
	Parents bool   // make the folders above it, too
}

// Mkdir makes a folder. It returns true when it made it and false when it was there, be it behind a link. The mode
// of a folder that was there stays as it is.
func Mkdir(ctx context.Context, h *ssh.Host, path string, opts MkdirOptions) (bool, error) {
	o, err := begin(ctx, h, "mkdir", path)
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
	if err = o.do(func() error { return o.files.Mkdir(p) }); err == nil {
		return true, nil
	}
	if errors.Is(err, os.ErrNotExist) && parents && p != "/" {
		if _, err := o.mkdir(path.Dir(p), true); err != nil {
			return false, err
		}
		err = o.do(func() error { return o.files.Mkdir(p) })
		if err == nil {
			return true, nil
		}
	}
	// Another may have made it since.
	if there, e := o.isFolder(p); there && e == nil {
		return false, nil
	}
	return false, err
}

// isFolder says whether a folder stands at p; anything else there is an error.
func (o *operation) isFolder(p string) (bool, error) {
	fi, err := await(o.ctx, func() (os.FileInfo, error) { return o.files.Stat(p) })
	switch {
	case errors.Is(err, os.ErrNotExist):
		// Also a link that leads nowhere, in whose place no folder can be made.
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
		return "a link that leads nowhere"
	case "other":
		return "a device, pipe or socket"
	default:
		return "a " + k
	}
}

// Remove removes a file, a link or an empty folder; with recursive a folder with all that is in it, by rm on the host.
// A link is removed, never followed. It returns false when nothing was there.
func Remove(ctx context.Context, h *ssh.Host, path string, recursive bool) (bool, error) {
	o, err := begin(ctx, h, "remove", path)
	if err != nil {
		return false, err
	}
	if recursive && strings.Count(o.path, "/") < 2 {
		// What a mistake in a recipe, such as an empty variable behind a slash, makes of a path.
		return false, o.fail(event.WithHint(errors.New("a folder at the top of the file system is not removed with all that is in it"),
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
	_, err := o.host.Run(o.ctx, ssh.Command{Argv: []string{"rm", "-rf", "--", o.path}, Quiet: true})
	return err
}

// Rename renames from to to, as rename(2) does: what stands at to is replaced in one instant.
func Rename(ctx context.Context, h *ssh.Host, from, to string) error {
	o, err := begin(ctx, h, "rename", from)
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

// Symlink makes path a link to target, an absolute path. A link that is there is replaced by one rename(2), if
// replace is true; anything else there is an error. It returns false when the link was as wanted already.
func Symlink(ctx context.Context, h *ssh.Host, target, path string, replace bool) (bool, error) {
	o, err := begin(ctx, h, "symlink", path)
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
		return false, o.fail(event.WithHint(fmt.Errorf("%s stands there, which is no link", describe(fi)), "move it away first"))
	default:
		now, err := o.readlink(o.path)
		if err != nil || now == target {
			return false, err
		}
		if !replace {
			return false, o.fail(fmt.Errorf("it is a link to %s already", now))
		}
	}
	if err := o.link(target); err != nil {
		return false, o.fail(err)
	}
	o.changed("%s → %s", o.path, target)
	return true, nil
}

// link makes the link under another name, reads it back, renames it, and reads it again.
func (o *operation) link(target string) error {
	temp := beside(o.path)
	err := o.do(func() error {
		err := o.files.Symlink(target, temp)
		if err != nil {
			return err
		}
		written, err := o.files.ReadLink(temp)
		if err == nil && written != target {
			err = fmt.Errorf("the host made a link to %q", written)
		}
		if err = errors.Join(err, o.ctx.Err()); err != nil {
			o.discard(temp) // here, because after an interrupt nobody waits for this any more
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
		err = fmt.Errorf("the link was replaced by another, to %q, meanwhile", written)
	}
	return err
}
