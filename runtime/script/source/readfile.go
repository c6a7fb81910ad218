package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// mostRead limits how many bytes ReadFile reads. A thousand hosts take a tenth of it.
const mostRead = 1 << 20

// ReadFile reads a file that a person wrote, such as a recipe, a hosts file or a secret. It never
// blocks: it returns an error for anything but a regular file of at most 1 MiB.
func ReadFile(path string) ([]byte, error) {
	return ReadChecked(path, func(fs.FileInfo) error { return nil })
}

// ReadChecked is ReadFile for a file that check accepts, which sees it before it is read.
func ReadChecked(path string, check func(fs.FileInfo) error) (text []byte, err error) {
	// Without O_NONBLOCK, opening a named pipe waits for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := check(info); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %s; want a regular file", path, fileKind(info.Mode()))
	}
	// One byte more than the file has, so that one read also finds the end. io.ReadAll would begin
	// with 512 bytes.
	text = make([]byte, min(info.Size(), mostRead)+1)
	n, err := io.ReadFull(f, text)
	if text = text[:n]; err == nil { // the file has grown
		var more []byte
		more, err = io.ReadAll(io.LimitReader(f, mostRead))
		text = append(text, more...)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if len(text) > mostRead {
		return nil, fmt.Errorf("%s is larger than %d bytes, the limit for such a file", path, mostRead)
	}
	return text, nil
}

// ReadShown is ReadFile for a recipe or a hosts file, whose lines errors show. It refuses a link to
// a file with another extension: in a repository of other people it may point to a key.
func ReadShown(path string) ([]byte, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		target, err := filepath.EvalSymlinks(path)
		if err == nil && filepath.Ext(target) != filepath.Ext(path) {
			return nil, fmt.Errorf("%s is a link to %s; the name of its target must also end in %q",
				path, target, filepath.Ext(path))
		}
	}
	return ReadFile(path)
}

func fileKind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
