// Package fs reads and changes files on a host, over SFTP.
//
// Its one rule: changes are atomic. A change is made completely or not at all, and readers see the old state or the new one.
// Paths are absolute. Links are followed only where a function says so.
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

// Info describes a file, a folder or a link. For a link it describes the link itself, not its target.
type Info struct {
	Kind     string `lua:"kind"`     // file, folder, link or other
	Size     int64  `lua:"size"`     // bytes
	Mode     string `lua:"mode"`     // octal, such as 0644
	Modified int64  `lua:"modified"` // seconds since 1970
	UID      int    `lua:"uid"`
	GID      int    `lua:"gid"`
}

// Exists reports whether there is a file, a folder or a link at path, even a dangling link.
func Exists(ctx context.Context, h *shell.Host, path string) (bool, error) {
	o, err := begin(ctx, h, "exists", path)
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

// Missing returns the paths that do not exist, in their order. It looks at all of them concurrently.
func Missing(ctx context.Context, h *shell.Host, paths []string) ([]string, error) {
	missing, errs := make([]bool, len(paths)), make([]error, len(paths))
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for i, path := range paths {
		group.Go(func() error {
			there, err := Exists(ctx, h, path)
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
func Stat(ctx context.Context, h *shell.Host, path string) (Info, error) {
	o, err := begin(ctx, h, "stat", path)
	if err != nil {
		return Info{}, err
	}
	fi, err := o.lstat(o.path)
	if err != nil {
		return Info{}, o.fail(err)
	}
	info := Info{Kind: kind(fi), Size: fi.Size(), Modified: fi.ModTime().Unix(), Mode: fmt.Sprintf("%04o", fi.Mode().Perm())}
	if st, ok := fi.Sys().(*sftp.FileStat); ok {
		info.UID, info.GID = int(st.UID), int(st.GID)
		info.Mode = fmt.Sprintf("%04o", st.Mode&0o7777)
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

// List returns the sorted names in the folder at path, within the limits of names. It follows a link to a folder.
func List(ctx context.Context, h *shell.Host, path string) ([]string, error) {
	o, err := begin(ctx, h, "list", path)
	if err != nil {
		return nil, err
	}
	list, err := names(ctx, h, o.path)
	return list, o.fail(missing(err))
}

// Readlink returns the target of the link at path, unchanged.
func Readlink(ctx context.Context, h *shell.Host, path string) (string, error) {
	o, err := begin(ctx, h, "readlink", path)
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
func Disk(ctx context.Context, h *shell.Host, path string) (Space, error) {
	o, err := begin(ctx, h, "disk", path)
	if err != nil {
		return Space{}, err
	}
	st, err := await(ctx, func() (*sftp.StatVFS, error) { return o.files.StatVFS(o.path) })
	if err != nil {
		return Space{}, o.fail(err)
	}
	return Space{
		BytesFree: int64(st.Bavail * st.Frsize), BytesTotal: int64(st.Blocks * st.Frsize),
		InodesFree: int64(st.Favail), InodesTotal: int64(st.Files),
	}, nil
}
