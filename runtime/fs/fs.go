// Package fs reads and changes files on a host, as its login user or as another one through sudo,
// by small scripts of sh and coreutils in the long-lived shell of that user. SFTP would take
// several round trips for what a script does in one, knows no sudo, and is forbidden on some hosts.
//
// Its one rule: changes are atomic. A change is made completely or not at all, and readers see the
// old state or the new one. Paths are absolute. Links are followed only where a function says so.
package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
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
	_, err := f.look(ctx, "exists", path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// maxPaths limits the bytes of paths that one script of Missing gets.
const maxPaths = 64 << 10

// Missing returns the paths that do not exist, in their order.
func (f Files) Missing(ctx context.Context, paths []string) ([]string, error) {
	left := []string{}
	for len(paths) > 0 {
		o, err := f.begin(ctx, "exists", paths[0])
		n, size := 0, 0
		for ; err == nil && n < len(paths) && size < maxPaths; n++ {
			if err = checkPath(paths[n]); err != nil {
				o.path = paths[n]
				err = o.fail(err)
			}
			size += len(paths[n])
		}
		if err != nil {
			return nil, err
		}
		out, err := o.run(2*size+n, lookScript, append([]string{"missing"}, paths[:n]...)...)
		if err != nil {
			return nil, o.fail(err)
		}
		for name := range strings.SplitSeq(out, "\x00") {
			if name != "" {
				left = append(left, name)
			}
		}
		paths = paths[n:]
	}
	return left, nil
}

// Stat describes the file, folder or link at path. If there is none, the error is os.ErrNotExist.
func (f Files) Stat(ctx context.Context, path string) (Info, error) {
	found, err := f.look(ctx, "stat", path)
	return found.Info, err
}

// found describes what is at a path.
type found struct {
	Info
	owner  owner.Actual
	target string // of a link
}

// look finds out what is at a path.
func (f Files) look(ctx context.Context, name, path string) (found, error) {
	o, err := f.begin(ctx, name, path)
	if err != nil {
		return found{}, err
	}
	out, err := o.run(2*maxName, lookScript, "stat", o.path)
	if err != nil {
		return found{}, o.fail(err)
	}
	line, target, _ := strings.Cut(out, "\n")
	numbers, names, _ := strings.Cut(line, ":")
	now, bits := found{target: target}, uint32(0)
	if _, err := fmt.Sscanf(numbers, "%x %d %d %d %d", &bits, &now.Size, &now.Modified, &now.UID,
		&now.GID); err != nil {
		return found{}, o.fail(fmt.Errorf("the host described it as %.100q", out))
	}
	user, group, _ := strings.Cut(names, ":")
	now.owner = owner.Actual{User: user, Group: group, UID: strconv.Itoa(now.UID), GID: strconv.Itoa(now.GID)}
	now.Kind, now.Mode = kind(bits), fmt.Sprintf("%04o", bits&0o7777)
	return now, nil
}

// kind returns the kind of file in the mode of stat(2).
func kind(mode uint32) string {
	switch mode & 0o170000 {
	case 0o100000:
		return "file"
	case 0o040000:
		return "folder"
	case 0o120000:
		return "link"
	}
	return "other"
}

// List returns the sorted names in the folder at path. It follows a link to a folder. More than
// 1,000,000 names, or 64 MiB of names, are an error.
func (f Files) List(ctx context.Context, path string) ([]string, error) {
	o, err := f.begin(ctx, "list", path)
	if err != nil {
		return nil, err
	}
	list, err := o.names()
	return list, o.fail(err)
}

// Readlink returns the target of the link at path, unchanged.
func (f Files) Readlink(ctx context.Context, path string) (string, error) {
	found, err := f.look(ctx, "readlink", path)
	if err == nil && found.Kind != "link" {
		err = &Error{f.host.Name(), "readlink", path, fmt.Errorf("is a %s, not a link", found.Kind)}
	}
	return found.target, err
}

// DefaultMax is the default limit of Read: 16 MiB.
const DefaultMax = 16 << 20

// Read returns the content of the file at path. It follows a link. A file of more than max bytes is
// an error.
func (f Files) Read(ctx context.Context, path string, max int) (string, error) {
	o, err := f.begin(ctx, "read", path)
	if err != nil {
		return "", err
	}
	text, err := o.run(max+1, lookScript, "read", o.path, strconv.Itoa(max+1))
	if err == nil && len(text) > max {
		err = event.WithHint(fmt.Errorf("larger than %d bytes", max), "use host:download, or { max = … }")
	}
	if err != nil {
		return "", o.fail(err)
	}
	return text, nil
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
	space, err := o.space(o.path)
	return space, o.fail(err)
}

func (o *operation) space(path string) (Space, error) {
	out, err := o.run(maxName, lookScript, "space", path)
	if err != nil {
		return Space{}, err
	}
	var size, blocks, free int64
	var s Space
	if _, err := fmt.Sscanf(out, "%d %d %d %d %d", &size, &blocks, &free, &s.InodesTotal, &s.InodesFree); err != nil {
		return Space{}, fmt.Errorf("the host described its file system as %.100q", out)
	}
	s.BytesFree, s.BytesTotal = free*size, blocks*size
	return s, nil
}
