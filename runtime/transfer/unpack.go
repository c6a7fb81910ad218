package transfer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"runbook/runtime/event"
)

// unpack creates the folder to from a tar archive of a folder. Whatever the archive contains,
// nothing is written outside of the folder, and no more than the budget allows.
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
		if err := b.addName(h.Name); err != nil {
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

// folder is a folder that is being unpacked, and the mode it gets at the end, which may forbid
// writing.
type folder struct {
	name string
	mode fs.FileMode
}

// folders holds the folders that contain the current entry, the innermost last.
type folders []folder

// leave sets the modes of the folders that do not contain name. tar(1) packs all of a folder before
// what comes after it.
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
	if isSparse(h) {
		return event.WithHint(fmt.Errorf("%s is packed with holes in it, whose size cannot be trusted", h.Name),
			"GNU tar packs files whole; for a sparse file, pack it on the host first")
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if h.Name == "." {
			return nil
		}
		return root.Mkdir(h.Name, 0o700)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink: // the same file under another name
		return root.Link(path.Clean(h.Linkname), h.Name)
	case tar.TypeReg:
		create := func(flag int) (*os.File, error) { return root.OpenFile(h.Name, flag, 0o600) }
		return b.writeFile(archive, create, h.FileInfo().Mode().Perm())
	}
	return unsupported(h.Name)
}

// isSparse reports whether an entry is a sparse file, which takes more space than the archive. GNU
// tar marks these by an entry type of its own, or by records in the POSIX format.
func isSparse(h *tar.Header) bool {
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
