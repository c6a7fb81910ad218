package transfer

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pack writes the folder as a tar archive under its temporary name, NAME. The folder "NAME.end" has
// the lists that upload.sh documents. The file "NAME.end/complete" is the last entry: an archive
// that has it is complete.
//
// The format is GNU's, because old tar programs support long names in no other format. Each folder
// appears twice: first with mode 0700, so that files can be written to it, and at the end, the
// innermost first, with its own mode. The folder itself stays closed to others until upload.sh has
// done everything.
func (u *upload) pack(w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 256<<10)
	p := packer{tar.NewWriter(buffered), time.Now()}
	name := path.Base(u.temporary)
	var folders []tar.Header
	var sent []string
	err := walk(u.from, u.exclude, func(at, rel string, info fs.FileInfo) error {
		if info.Mode().IsRegular() && u.same[rel] {
			return nil
		}
		entry := tar.Header{Name: path.Join(name, rel)}
		if rel != "" {
			sent = append(sent, rel)
		}
		switch {
		case info.IsDir():
			entry.Typeflag, entry.Name, entry.Mode = tar.TypeDir, entry.Name+"/", int64(u.perm(info))
			if rel != "" {
				folders = append(folders, entry)
			}
			entry.Mode = 0o700
			return p.header(entry)
		case info.Mode()&fs.ModeSymlink != 0:
			entry.Typeflag, entry.Mode = tar.TypeSymlink, 0o777
			var err error
			if entry.Linkname, err = os.Readlink(at); err != nil {
				return err
			}
			return p.header(entry)
		case info.Mode().IsRegular():
			entry.Mode = int64(u.perm(info))
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
		err = u.packLists(p, name+".end/", sent)
	}
	if err != nil {
		return err
	}
	return errors.Join(p.tar.Close(), buffered.Flush())
}

// packLists writes the lists into a folder.
func (u *upload) packLists(p packer, folder string, sent []string) error {
	lists := map[string][]string{"stay": {""}}
	if u.o.Delete {
		lists["stay"] = u.kept
	}
	for _, name := range sent {
		if u.owner.String() != "" {
			lists["sent"] = append(lists["sent"], name)
		}
		if old, known := u.replaced[name]; known {
			list := "owners/" + old.UID + ":" + old.GID
			lists[list] = append(lists[list], name)
		}
	}
	for _, name := range []string{"", "owners/"} {
		if err := p.header(tar.Header{Name: folder + name, Typeflag: tar.TypeDir, Mode: 0o700}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		var text strings.Builder
		for _, path := range lists[name] {
			text.WriteString("./" + path + "\x00")
		}
		if err := p.text(folder+name, text.String()); err != nil {
			return err
		}
	}
	return p.text(folder+"complete", "")
}

// walk calls visit for from, which may be a link, and for everything in it that is not excluded.
// Links in it are not followed. rel is the path in from, with slashes; "" for from.
func walk(from string, exclude exclusions, visit func(at, rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(from, at)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		if d != nil && rel != "." && exclude.match(rel, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return err
		}
		look := os.Lstat
		if rel == "." {
			rel, look = "", os.Stat
		}
		info, err := look(at)
		if err != nil {
			return err
		}
		return visit(at, rel, info)
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

// text adds a file with a text.
func (p packer) text(name, text string) error {
	if err := p.header(tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := io.WriteString(p.tar, text)
	return err
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
