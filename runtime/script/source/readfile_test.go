//go:build unix

package source

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadFile reads files that are not regular or too large: each returns an error without
// blocking.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = errors.Join(
		syscall.Mkfifo(at("pipe"), 0o600),
		os.WriteFile(at("most"), []byte(strings.Repeat("x", 1<<20)), 0o600),
		os.WriteFile(at("more"), []byte(strings.Repeat("x", 1<<20+1)), 0o600),
		os.WriteFile(at("key"), []byte("hunter22"), 0o600),
		os.WriteFile(at("a.lua"), []byte("return 1"), 0o600),
		os.Symlink("pipe", at("link")),
		os.Symlink("key", at("key.lua")),
		os.Symlink("a.lua", at("b.lua")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pipe": "DIR/pipe is a pipe; want a regular file", "link": "DIR/link is a pipe; want a regular file",
		".":         "DIR is a folder; want a regular file",
		"more":      "DIR/more is larger than 1048576 bytes, the limit for such a file",
		"socket":    "open DIR/socket: no such device or address",
		"/dev/zero": "/dev/zero is a device; want a regular file", "key.lua": "", "b.lua": "", "most": "",
		"nosuch": "open DIR/nosuch: no such file or directory",
	} {
		path := name
		if !filepath.IsAbs(name) {
			path = at(name)
		}
		text, err := ReadFile(path)
		if got := message(err, dir); got != want || want == "" && len(text) == 0 {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"key.lua": "DIR/key.lua is a link to DIR/key; the name of its target must also end in \".lua\"", "b.lua": "",
		"pipe": "DIR/pipe is a pipe; want a regular file",
	} {
		if _, err := ReadShown(at(name)); message(err, dir) != want {
			t.Errorf("%s: %q, want %q", name, message(err, dir), want)
		}
	}
}

// message returns the text of err with DIR instead of the folder's name.
func message(err error, dir string) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), dir, "DIR")
}
