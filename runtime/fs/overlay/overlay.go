// Package overlay remembers the changes of files that a dry run skips, so that later calls in the
// run see the changed files.
//
// Its one rule: a path that no skipped change concerns is read on the host. Paths are compared as
// they are written: links that exist on the host are not resolved first.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/ssh/shell"
)

// Overlay remembers skipped changes by host. The zero value is empty. It is safe for concurrent
// use.
type Overlay struct {
	mu    sync.Mutex
	trees map[*shell.Host]tree
}

// Files are the files of one host as they would be after the skipped changes.
type Files struct {
	overlay *Overlay
	host    *shell.Host
	real    files
}

// files are the files on the host as they are.
type files interface {
	Exists(ctx context.Context, path string) (bool, error)
	Stat(ctx context.Context, path string) (fs.Info, error)
	List(ctx context.Context, path string) ([]string, error)
	Read(ctx context.Context, path string, max int) (string, error)
	Readlink(ctx context.Context, path string) (string, error)
	Disk(ctx context.Context, path string) (fs.Space, error)
}

// On returns the files of a host for a user of sudo, or for the login user if user is "".
func (o *Overlay) On(h *shell.Host, user string) Files { return Files{o, h, fs.As(h, user)} }

// tree calls fn with what is remembered of the host.
func (f Files) tree(fn func(tree)) {
	f.overlay.mu.Lock()
	defer f.overlay.mu.Unlock()
	if f.overlay.trees == nil {
		f.overlay.trees = map[*shell.Host]tree{}
	}
	if f.overlay.trees[f.host] == nil {
		f.overlay.trees[f.host] = tree{}
	}
	fn(f.overlay.trees[f.host])
}

// find returns the place of a path, and whether a skipped change needs a folder there.
func (f Files) find(p string, follow bool) (at place, implied bool) {
	f.tree(func(t tree) {
		at = t.find(p, follow)
		_, implied = t.below(at.path)
	})
	return at, implied
}

func (f Files) fail(operation, p string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.Error{Host: f.host.Name(), Operation: operation, Path: p, Err: err}
}

// absent is the error for a path where nothing is.
func (f Files) absent(operation, p string) error {
	return f.fail(operation, p, fmt.Errorf("no such file or folder, after what this dry run skipped: %w",
		os.ErrNotExist))
}

// Exists reports whether there is a file, a folder or a link at path.
func (f Files) Exists(ctx context.Context, p string) (bool, error) {
	at, implied := f.find(p, false)
	switch {
	case implied, at.node != nil && at.node.kind != "":
		return true, nil
	case at.gone():
		return false, nil
	}
	return f.real.Exists(ctx, at.origin)
}

// Missing returns the paths that do not exist.
func (f Files) Missing(ctx context.Context, paths []string) ([]string, error) {
	missing := []string{}
	for _, p := range paths {
		there, err := f.Exists(ctx, p)
		if err != nil {
			return nil, err
		}
		if !there {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// Stat describes what is at path. A path that a skipped change would create has the owner of its
// nearest existing parent folder.
func (f Files) Stat(ctx context.Context, p string) (fs.Info, error) {
	at, implied := f.find(p, false)
	switch {
	case at.node == nil && at.origin != "":
		info, err := f.real.Stat(ctx, at.origin)
		if !implied || !errors.Is(err, os.ErrNotExist) {
			return info, err
		}
		return f.describe(ctx, at.path, node{kind: "folder", at: time.Now()}), nil
	case at.gone() && implied:
		return f.describe(ctx, at.path, node{kind: "folder", at: time.Now()}), nil
	case at.gone():
		return fs.Info{}, f.absent("stat", p)
	case at.origin != "":
		info, err := f.real.Stat(ctx, at.origin)
		if err == nil && at.node.mode != "" {
			info.Mode = at.node.mode
		}
		return info, err
	}
	return f.describe(ctx, at.path, *at.node), nil
}

func (f Files) describe(ctx context.Context, p string, n node) fs.Info {
	info := fs.Info{Kind: n.kind, Mode: n.mode, Modified: n.at.Unix()}
	umask := os.FileMode(0o022)
	if permissions := f.host.Permissions(); permissions != nil {
		umask = permissions.Umask
	}
	plain := map[string]os.FileMode{"file": 0o666 &^ umask, "folder": 0o777 &^ umask, "link": 0o777}
	if info.Mode == "" {
		info.Mode = fmt.Sprintf("%04o", plain[n.kind])
	}
	switch {
	case n.kind == "link":
		info.Size = int64(len(n.target))
	case n.text != nil:
		info.Size = int64(len(*n.text))
	}
	for p != "/" {
		p = path.Dir(p)
		if owner, err := f.real.Stat(ctx, p); err == nil { // otherwise try the folder above
			info.UID, info.GID = owner.UID, owner.GID
			break
		}
	}
	return info
}

// List returns the sorted names in the folder at path.
func (f Files) List(ctx context.Context, p string) ([]string, error) {
	at, implied := f.find(p, true)
	switch {
	case at.gone() && !implied:
		return nil, f.absent("list", p)
	case at.node != nil && at.node.kind == "file":
		return nil, f.fail("list", p, errors.New("is a file"))
	}
	names := []string{}
	if at.origin != "" {
		found, err := f.real.List(ctx, at.origin)
		made := implied || at.node != nil // a skipped change creates the folder
		if err != nil && !(made && errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
		names = found
	}
	f.tree(func(t tree) {
		for name, there := range t.children(at.path) {
			names = slices.DeleteFunc(names, func(other string) bool { return other == name })
			if there {
				names = append(names, name)
			}
		}
	})
	slices.Sort(names)
	return names, nil
}

// Read returns the content of the file at path.
func (f Files) Read(ctx context.Context, p string, max int) (string, error) {
	at, _ := f.find(p, true)
	switch {
	case at.gone():
		return "", f.absent("read", p)
	case at.origin != "":
		return f.real.Read(ctx, at.origin, max)
	case at.node.kind == "folder":
		return "", f.fail("read", p, errors.New("is a folder"))
	case at.node.text == nil:
		return "", f.fail("read", p, event.WithHint(errors.New("what it would contain is not known in a dry run"),
			"do not read it if dry_run is true"))
	case len(*at.node.text) > max:
		return "", f.fail("read", p, fmt.Errorf("larger than %d bytes", max))
	}
	return *at.node.text, nil
}

// Readlink returns the target of the link at path.
func (f Files) Readlink(ctx context.Context, p string) (string, error) {
	at, implied := f.find(p, false)
	switch {
	case implied && at.node == nil:
		return "", f.fail("readlink", p, errors.New("is a folder, not a link"))
	case at.gone():
		return "", f.absent("readlink", p)
	case at.origin != "":
		return f.real.Readlink(ctx, at.origin)
	case at.node.kind != "link":
		return "", f.fail("readlink", p, fmt.Errorf("is a %s, not a link", at.node.kind))
	}
	return at.node.target, nil
}

// Disk returns the space on the file system of path. For a path that a skipped change would create,
// it is that of the parent folder.
func (f Files) Disk(ctx context.Context, p string) (fs.Space, error) {
	for {
		at, implied := f.find(p, true)
		switch {
		case at.gone() && !implied:
			return fs.Space{}, f.absent("disk", p)
		case at.origin != "":
			space, err := f.real.Disk(ctx, at.origin)
			made := implied || at.node != nil
			if !made || at.path == "/" || !errors.Is(err, os.ErrNotExist) {
				return space, err
			}
		}
		p = path.Dir(at.path)
	}
}
