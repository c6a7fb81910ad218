package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"runbook/runtime/event"
)

// readFolder adds everything in a folder except git's own files. Links are not followed.
func (b *builder) readFolder(root string) error {
	return filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, at)
		if err != nil || rel == "." {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		name, err := b.clean(filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := uint32(info.Mode().Perm())
		if runtime.GOOS == "windows" { // on Windows every file looks writable by everybody
			mode &^= 0o022
		}
		switch {
		case info.IsDir():
			return b.addFolder(name, mode)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			return b.addLink(name, target)
		case info.Mode().IsRegular():
			return b.copyFile(at, name, mode)
		}
		return unsupported(name)
	})
}

func unsupported(name string) error {
	return event.WithHint(fmt.Errorf("%.200q is a device, a pipe or a socket", name), "leave it out")
}

func (b *builder) copyFile(at, name string, mode uint32) error {
	f, err := os.Open(at)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return unsupported(name)
	}
	return b.addFile(name, mode, info.Size(), f)
}

// readTar adds everything in a tar archive.
func (b *builder) readTar(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errors.New("is neither a folder nor a file"), err)
	}
	plain, err := decompress(bufio.NewReaderSize(f, 256<<10))
	if err != nil {
		return err
	}
	all := &zeros{r: io.LimitReader(plain, maxBytes+maxEntries*4<<10)}
	r := tar.NewReader(all)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			if all.count < 512 {
				err = io.ErrUnexpectedEOF
			} else if _, err = io.Copy(io.Discard, all); err == nil { // so gzip verifies its checksum
				return nil
			}
		}
		switch {
		case err != nil:
			return event.WithHint(fmt.Errorf("cannot be read as a tar archive: %w", err),
				"name a folder, or an archive of `tar -czf`")
		case h.Typeflag == tar.TypeXGlobalHeader: // git archive writes the commit into one
			continue
		}
		if err := b.addTarEntry(h, r); err != nil {
			return err
		}
	}
}

// zeros counts the zero bytes at the end of what was read so far. A tar archive ends in blocks of
// them; one that was cut off between two files has none.
type zeros struct {
	r     io.Reader
	count int
}

func (z *zeros) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	rest := len(bytes.TrimRight(p[:n], "\x00"))
	if rest > 0 {
		z.count = 0
	}
	z.count += n - rest
	return n, err
}

func (b *builder) addTarEntry(h *tar.Header, r io.Reader) error {
	name, err := b.clean(h.Name)
	if err != nil || name == "" || inRepository(name) {
		return err
	}
	mode := uint32(h.Mode) & 0o777
	switch h.Typeflag {
	case tar.TypeDir:
		return b.addFolder(name, mode)
	case tar.TypeSymlink:
		return b.addLink(name, h.Linkname)
	case tar.TypeLink:
		target, err := b.clean(h.Linkname)
		if err != nil {
			return err
		}
		same, ok := b.entries[target]
		if !ok || same.kind != file {
			return fmt.Errorf("%.200q is a hard link to %.200q, which is no file before it", name, h.Linkname)
		}
		b.summary.Files++
		return b.add(name, same)
	case tar.TypeReg, tar.TypeGNUSparse:
		return b.addFile(name, mode, h.Size, r)
	}
	return unsupported(name)
}

// format is a way to compress a file.
type format struct {
	begin string // of each such file
	open  func(io.Reader) (io.Reader, error)
	name  string
}

var formats = []format{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }, "gzip"},
	{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }, "bzip2"},
	{"\xfd7zXZ\x00", nil, "xz"},
	{"\x28\xb5\x2f\xfd", nil, "zstd"},
	{"PK\x03\x04", nil, "zip"},
}

// decompress returns what a file contains.
func decompress(r *bufio.Reader) (io.Reader, error) {
	begin, err := r.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	i := slices.IndexFunc(formats, func(f format) bool { return bytes.HasPrefix(begin, []byte(f.begin)) })
	if i < 0 {
		return r, nil
	}
	if formats[i].open == nil {
		return nil, event.WithHint(fmt.Errorf("is a file of %s, which is not supported", formats[i].name),
			"make it with `tar -czf`")
	}
	return formats[i].open(r)
}
