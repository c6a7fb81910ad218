package script

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// mostRead is how many bytes ReadFile reads. A thousand hosts take a tenth of it.
const mostRead = 1 << 20

// ReadFile reads a file that a person wrote, such as a recipe, a hosts file or a secret. It never waits: only a regular
// file of at most 1 MiB is read, and a named pipe, a terminal or a device is an error.
func ReadFile(path string) (text []byte, err error) {
	// Opening a named pipe for reading waits for a writer otherwise.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %s; want a regular file", path, fileKind(info.Mode()))
	}
	text, err = io.ReadAll(io.LimitReader(f, mostRead+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostRead {
		return nil, fmt.Errorf("%s is larger than %d bytes, which no such file needs to be", path, mostRead)
	}
	return text, nil
}

// ReadShown is ReadFile for a recipe or a hosts file, of which errors show lines. A link to a file whose name ends
// differently is an error: in a repository of others it may point to a key.
func ReadShown(path string) ([]byte, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Ext(target) != filepath.Ext(path) {
		return nil, fmt.Errorf("%s is a link to %s; want one to a file whose name ends in %q too", path, target, filepath.Ext(path))
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
	return "no file"
}
