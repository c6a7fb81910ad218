package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"runbook/runtime/event"
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
	mode, err := parseMode(opts.Mode)
	if err != nil {
		return false, o.fail(err)
	}
	bits := ""
	if opts.Mode != "" {
		bits = "0" + octal(mode) // by five digits GNU's chmod also clears setgid
	}
	did, at, err := o.change("mkdir", bits, yes(opts.Parents))
	kind, blocked := strings.CutPrefix(did, "blocked ")
	switch {
	case err == nil && blocked:
		err = fmt.Errorf("%s is %s", at, describe(kind))
	case err == nil && did == "made":
		o.changed("made folder %s", o.path)
	}
	return err == nil && did == "made", o.fail(err)
}

// describe returns a kind of file with its article, for a place where a folder is wanted.
func describe(kind string) string {
	switch kind {
	case "link":
		return "a dangling link"
	case "other":
		return "a device, pipe or socket"
	}
	return "a " + kind
}

// Remove removes a file, a link or an empty folder; with recursive a folder and everything in it,
// by rm on the host. It never follows a link. It returns false if nothing was there.
func (f Files) Remove(ctx context.Context, path string, recursive bool) (bool, error) {
	o, err := f.begin(ctx, "remove", path)
	if err != nil {
		return false, err
	}
	if recursive && strings.Count(o.path, "/") < 2 {
		// Such a path is likely a mistake in the recipe, such as an empty variable after a slash.
		return false, o.fail(event.WithHint(errors.New("refusing to remove a top-level folder recursively"),
			"is a variable in the path empty?"))
	}
	_, _, err = o.change("remove", yes(recursive))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, o.fail(err)
	}
	o.changed("removed %s", o.path)
	return true, nil
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
	if _, _, err := o.change("rename", to); err != nil {
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
	did, now, err := o.link(target, replace)
	switch {
	case err != nil:
	case did == "same":
		return false, nil
	case did == "linked":
		o.changed("%s → %s", o.path, target)
		return true, nil
	case did == "link":
		err = fmt.Errorf("is a link to %s", now)
	case did == "changed":
		err = fmt.Errorf("another process replaced the link by one to %q", now)
	default:
		err = event.WithHint(fmt.Errorf("exists and is %s, not a link", describe(did)), "move it away first")
	}
	return false, o.fail(err)
}

// link creates the link under another name, renames it, and reads it back.
func (o *operation) link(target string, replace bool) (did, now string, err error) {
	temporary := o.beside()
	did, now, err = o.change("symlink", target, temporary, yes(replace))
	var failed failedRun
	if errors.As(err, &failed) {
		err = failedRun{errors.Join(err, o.cleanUp(err, temporary))}
	}
	return did, now, err
}
