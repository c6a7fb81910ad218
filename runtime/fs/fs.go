// Package fs reads and changes files on a host, over SFTP.
//
// Its one rule: a change is either made whole or not at all, and whoever reads the file meanwhile sees the old state
// or the new one. Paths are absolute. Links are not followed, except where a function says so.
package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/pkg/sftp"

	"runbook/runtime/ssh"
)

// Info says what stands at a path. A link is described itself, not what it leads to.
type Info struct {
	Kind     string `lua:"kind"`     // file, folder, link or other
	Size     int64  `lua:"size"`     // bytes
	Mode     string `lua:"mode"`     // octal, such as 0644
	Modified int64  `lua:"modified"` // seconds since 1970
	UID      int    `lua:"uid"`
	GID      int    `lua:"gid"`
}

// Exists says whether something stands at path, be it a link that leads nowhere. It is an error when the host
// won't tell.
func Exists(ctx context.Context, h *ssh.Host, path string) (bool, error) {
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

// asked is how many paths are asked for at the same time.
const asked = 64

// Missing returns those of paths at which nothing stands, in their order. They are asked for together, so that it takes about as
// long as one of them.
func Missing(ctx context.Context, h *ssh.Host, paths []string) ([]string, error) {
	missing, errs := make([]bool, len(paths)), make([]error, len(paths))
	var all sync.WaitGroup
	turns := make(chan struct{}, asked)
	for i, path := range paths {
		turns <- struct{}{}
		all.Go(func() {
			there, err := Exists(ctx, h, path)
			missing[i], errs[i] = !there, err
			<-turns
		})
	}
	all.Wait()
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

// Stat describes what stands at path. Nothing there is an error, os.ErrNotExist.
func Stat(ctx context.Context, h *ssh.Host, path string) (Info, error) {
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

// List returns the names in the folder at path, sorted, within the limits of ssh.Host.Names. A link to a folder is followed.
func List(ctx context.Context, h *ssh.Host, path string) ([]string, error) {
	o, err := begin(ctx, h, "list", path)
	if err != nil {
		return nil, err
	}
	names, err := h.Names(ctx, o.path)
	return names, o.fail(missing(err))
}

// Readlink returns the target of the link at path, as it is written there.
func Readlink(ctx context.Context, h *ssh.Host, path string) (string, error) {
	o, err := begin(ctx, h, "readlink", path)
	if err != nil {
		return "", err
	}
	fi, err := o.lstat(o.path)
	if err != nil {
		return "", o.fail(err)
	}
	if k := kind(fi); k != "link" {
		return "", o.fail(fmt.Errorf("it is a %s, not a link", k))
	}
	return o.readlink(o.path)
}

// Space is what is left on the file system that a path is on.
type Space struct {
	BytesFree   int64 `lua:"bytes_free"` // for the login user
	BytesTotal  int64 `lua:"bytes_total"`
	InodesFree  int64 `lua:"inodes_free"`
	InodesTotal int64 `lua:"inodes_total"` // 0 where the file system has no limit
}

// Disk tells the space on the file system that path is on.
func Disk(ctx context.Context, h *ssh.Host, path string) (Space, error) {
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
