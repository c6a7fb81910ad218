package transfer

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
	"time"
)

// pack writes the folder from as a tar archive in which it is called name. The last entry is the
// empty file "NAME.end": an archive that has it is complete.
//
// The format is GNU's, because old tar programs know no other one for long names. Each folder is
// there twice: first with mode 0700, to be written in, and at the end, the innermost first, with
// its own mode. The files in without are left out; it has their paths in the folder.
func pack(w io.Writer, from, name string, without map[string]bool) error {
	buffered := bufio.NewWriterSize(w, 256<<10)
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
		return unsupported(at)
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

// walk calls visit for from, which may be a link, and for all that is in it. Links in it are not
// followed. rel is the path in from, with slashes; "" for from itself.
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
	now time.Time // the time of all entries, which are new on the host
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
	defer func() { _ = f.Close() }() // all is read
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
