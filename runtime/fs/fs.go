// Package fs reads and changes files on a host: over SFTP, or as another user through sudo.
//
// Its one rule: changes are atomic. A change is made completely or not at all, and readers see the
// old state or the new one. Paths are absolute. Links are followed only where a function says so.
package fs

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"runbook/runtime/ssh/shell"
)

// Files are the files of a host, as one of its users can use them.
type Files struct {
	host *shell.Host
	user string // for sudo, or "" for the login user
}

// On returns the files of a host for the login user.
func On(h *shell.Host) Files { return Files{host: h} }

// As returns the files of a host for a user that sudo makes of the login user, or for the login
// user if user is "".
func As(h *shell.Host, user string) Files { return Files{h, user} }

// Info describes a file, a folder or a link. For a link it describes the link itself, not its
// target.
type Info struct {
	Kind     string `lua:"kind"`     // file, folder, link or other
	Size     int64  `lua:"size"`     // bytes
	Mode     string `lua:"mode"`     // octal, such as 0644
	Modified int64  `lua:"modified"` // seconds since 1970
	UID      int    `lua:"uid"`
	GID      int    `lua:"gid"`
}

// Exists reports whether there is a file, a folder or a link at path, even a dangling link.
func (f Files) Exists(ctx context.Context, path string) (bool, error) {
	o, err := f.begin(ctx, "exists", path)
	if err != nil {
		return false, err
	}
	_, err = o.lstat(o.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, o.fail(err)
}

// maxAsked limits the concurrent requests of Missing.
const maxAsked = 64

// Missing returns the paths that do not exist, in their order. It looks at all of them
// concurrently.
func (f Files) Missing(ctx context.Context, paths []string) ([]string, error) {
	missing, errs := make([]bool, len(paths)), make([]error, len(paths))
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for i, path := range paths {
		group.Go(func() error {
			there, err := f.Exists(ctx, path)
			missing[i], errs[i] = !there, err
			return nil // all errors are reported, not only the first
		})
	}
	_ = group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	left := []string{}
	for i, path := range paths {
		if missing[i] {
			left = append(left, path)
		}
	}
	return left, nil
}

// Stat describes the file, folder or link at path. If there is none, the error is os.ErrNotExist.
func (f Files) Stat(ctx context.Context, path string) (Info, error) {
	o, err := f.begin(ctx, "stat", path)
	if err != nil {
		return Info{}, err
	}
	fi, err := o.lstat(o.path)
	if err != nil {
		return Info{}, o.fail(err)
	}
	info := Info{Kind: kind(fi), Size: fi.Size(), Modified: fi.ModTime().Unix(), Mode: modeOf(fi)}
	if st, ok := fi.Sys().(*sftp.FileStat); ok {
		info.UID, info.GID = int(st.UID), int(st.GID)
	}
	return info, nil
}

func kind(fi os.FileInfo) string {
	switch {
	case fi.Mode().IsRegular():
		return "file"
	case fi.IsDir():
		return "folder"
	case fi.Mode()&os.ModeSymlink != 0:
		return "link"
	}
	return "other"
}

// List returns the sorted names in the folder at path, within the limits of names. It follows a
// link to a folder.
func (f Files) List(ctx context.Context, path string) ([]string, error) {
	o, err := f.begin(ctx, "list", path)
	if err != nil {
		return nil, err
	}
	var list []string
	if o.user != "" {
		list, err = o.sudo().names(o.path)
	} else {
		list, err = names(ctx, o.host, o.path)
	}
	return list, o.fail(missing(err))
}

// Readlink returns the target of the link at path, unchanged.
func (f Files) Readlink(ctx context.Context, path string) (string, error) {
	o, err := f.begin(ctx, "readlink", path)
	if err != nil {
		return "", err
	}
	fi, err := o.lstat(o.path)
	if err != nil {
		return "", o.fail(err)
	}
	if k := kind(fi); k != "link" {
		return "", o.fail(fmt.Errorf("is a %s, not a link", k))
	}
	return o.readlink(o.path)
}

// Space is the free and total space of a file system.
type Space struct {
	BytesFree   int64 `lua:"bytes_free"` // for the login user
	BytesTotal  int64 `lua:"bytes_total"`
	InodesFree  int64 `lua:"inodes_free"`
	InodesTotal int64 `lua:"inodes_total"` // 0 where the file system has no limit
}

// Disk returns the space on the file system of path.
func (f Files) Disk(ctx context.Context, path string) (Space, error) {
	o, err := f.begin(ctx, "disk", path)
	if err != nil {
		return Space{}, err
	}
	st, err := await(o, func() (*sftp.StatVFS, error) { return o.files.StatVFS(o.path) })
	if err != nil {
		return Space{}, o.fail(err)
	}
	return Space{
		BytesFree: int64(st.Bavail * st.Frsize), BytesTotal: int64(st.Blocks * st.Frsize),
		InodesFree: int64(st.Favail), InodesTotal: int64(st.Files),
	}, nil
}
