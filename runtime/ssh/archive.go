package ssh

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
)

// pack writes the folder from as a tar archive in which it is called name. The last entry is the empty file "NAME.end": who
// finds it has everything.
//
// The format is GNU's, because old tar programs don't know the long names of any other. Folders come twice: first so that
// they can be written in, and by nobody else, and at the end, from within, with the modes they are to have. Files in without, by their
// paths within the folder, are left out.
func pack(w io.Writer, from, name string, without map[string]bool) error {
	buffered := bufio.NewWriterSize(w, piece)
	p := packer{tar.NewWriter(buffered), time.Now()}
	var folders []tar.Header
	err := walk(from, func(at, rel string, info fs.FileInfo) error {
		entry := tar.Header{Name: path.Join(name, rel)}
		switch {
		case info.IsDir():
			entry.Typeflag, entry.Name, entry.Mode = tar.TypeDir, entry.Name+"/", int64(info.Mode().Perm())
			folders = append(folders, entry)
			entry.Mode = 0o700
			return p.header(entry)
		case info.Mode()&fs.ModeSymlink != 0:
			entry.Typeflag, entry.Mode = tar.TypeSymlink, 0o777
			var err error
			if entry.Linkname, err = os.Readlink(at); err != nil {
				return err
			}
			return p.header(entry)
		case info.Mode().IsRegular() && without[rel]:
			return nil
		case info.Mode().IsRegular():
			entry.Mode = int64(info.Mode().Perm())
			return p.file(at, entry)
		}
		return fmt.Errorf("%s is no file, folder or link", at)
	})
	for _, folder := range slices.Backward(folders) {
		if err == nil {
			err = p.header(folder)
		}
	}
	if err == nil {
		err = p.header(tar.Header{Name: name + ".end", Typeflag: tar.TypeReg, Mode: 0o600})
	}
	if err != nil {
		return err
	}
	return errors.Join(p.tar.Close(), buffered.Flush())
}

// walk calls visit with from, even if that is a link, and with all that is in it, where links are links. rel is the path within from, with
// slashes; "" is from itself.
func walk(from string, visit func(at, rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(from, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		if rel == "." {
			info, err := os.Stat(at)
			if err != nil {
				return err
			}
			return visit(at, "", info)
		}
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		return visit(at, filepath.ToSlash(rel), info)
	})
}

type packer struct {
	tar *tar.Writer
	now time.Time // the time of everything: it is new on the host
}

func (p packer) header(h tar.Header) error {
	h.Format, h.ModTime = tar.FormatGNU, p.now
	return p.tar.WriteHeader(&h)
}

func (p packer) file(at string, h tar.Header) error {
	f, err := os.Open(at)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := p.header(h); err != nil {
		return err
	}
	if _, err := io.CopyN(p.tar, f, h.Size); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s became shorter while it was read", at)
	} else if err != nil {
		return err
	}
	return nil
}

// unpack makes the folder to of a tar archive of a folder. Whatever the archive says, nothing is written outside of it, and no more than
// the budget allows.
func unpack(r io.Reader, to string, b *budget) (err error) {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	var open folders
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		h.Name = path.Clean(h.Name)
		if !filepath.IsLocal(h.Name) || strings.Contains(h.Name, `\`) {
			return fmt.Errorf("the archive has an entry with the name %q", h.Name)
		}
		if err := b.name(h.Name); err != nil {
			return err
		}
		if err := open.leave(root, h.Name); err != nil {
			return err
		}
		if err := unpackEntry(root, archive, h, b); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			open = append(open, folder{h.Name, h.FileInfo().Mode().Perm()})
		}
	}
	return open.leave(root, "")
}

// folder is a folder that is being unpacked, with the mode that it is to have: it may forbid writing in it.
type folder struct {
	name string
	mode fs.FileMode
}

// folders are those that the present entry of an archive is in, the innermost last.
type folders []folder

// leave gives the folders their modes that name is not in. tar(1) packs all of a folder before it goes on beside it.
func (f *folders) leave(root *os.Root, name string) error {
	for n := len(*f) - 1; n >= 0; n-- {
		last := (*f)[n]
		if name != "" && (last.name == "." || strings.HasPrefix(name, last.name+"/")) {
			break
		}
		if err := root.Chmod(last.name, last.mode); err != nil {
			return err
		}
		*f = (*f)[:n]
	}
	return nil
}

func unpackEntry(root *os.Root, archive io.Reader, h *tar.Header, b *budget) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if h.Name == "." {
			return nil
		}
		return root.Mkdir(h.Name, 0o700)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink: // the same file under a second name
		return root.Link(path.Clean(h.Linkname), h.Name)
	case tar.TypeReg:
		if sparse(h) {
			break
		}
		return b.keepFile(archive, func(flag int) (*os.File, error) { return root.OpenFile(h.Name, flag, 0o600) }, h.FileInfo().Mode().Perm())
	}
	if sparse(h) {
		return event.WithHint(fmt.Errorf("%s is packed with holes in it, whose size cannot be trusted", h.Name), "GNU tar packs files whole; for a sparse file, pack it on the host first")
	}
	return fmt.Errorf("%s is no file, folder or link", h.Name)
}

// sparse tells a file with holes, which takes more room than the archive: in GNU's own format, or by its records in POSIX's.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}
