//go:build unix

package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/git/archive"
)

// pack returns a tar archive of headers; each file has its name as its content.
func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, h.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compress(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write returns the stream for the archive or folder at path.
func write(path string) (string, error) {
	var b strings.Builder
	_, err := archive.Write(&b, "refs/heads/a", archive.Options{Path: path, Reserve: []string{"venv", ".runbook.json"}})
	return b.String(), err
}

func reg(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}

func folder(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

// An entry that leads out of the archive, or that cannot be stored, is refused.
func TestRefused(t *testing.T) {
	whole := pack(t, reg("a"), reg("b"))
	for what, row := range map[string]struct {
		text []byte
		want string
		hint string
	}{
		"an absolute path":      {pack(t, reg("/etc/passwd")), `"/etc/passwd" is an absolute path`, ""},
		"a path that leads out": {pack(t, reg("a/../../b")), `"a/../../b" leads out of the archive`, ""},
		"dots that stay inside": {pack(t, reg("a/../b")), `"a/../b" leads out of the archive`, ""},
		"a control character":   {pack(t, reg("a\nb")), `"a\nb" has a control character in its name`, ""},
		"a device": {pack(t, tar.Header{Typeflag: tar.TypeChar, Name: "null"}),
			`"null" is a device, a pipe or a socket`, "leave it out"},
		"a pipe": {pack(t, tar.Header{Typeflag: tar.TypeFifo, Name: "p"}),
			`"p" is a device, a pipe or a socket`, "leave it out"},
		"an absolute link": {pack(t, reg("a"), symlink("l", "/etc")),
			`the link "l" points to "/etc", which is outside of it`, "--dereference"},
		"a link that leads out": {pack(t, reg("a"), symlink("d/l", "../../x")),
			`the link "d/l" points to "../../x", which is outside of it`, "--dereference"},
		"links that lead out": {pack(t, symlink("a/b/c/up", "../../.."), symlink("l", "a/b/c/up/../x")),
			`the link "l" points to "a/b/c/up/../x", which is outside of it`, "--dereference"},
		"links in a circle": {pack(t, symlink("a", "b"), symlink("b", "a")), `which is outside of it`,
			"--dereference"},
		"a file in a link": {pack(t, symlink("d", "."), reg("d/a")),
			`"d/a" is in "d", which is not a folder`, ""},
		"a link in place of a folder": {pack(t, reg("d/a"), symlink("d", ".")), `"d" is there twice`, ""},
		"a file twice":                {pack(t, reg("a"), reg("./a")), `"a" is there twice`, ""},
		"a hard link out": {pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "/etc/shadow"}),
			`"/etc/shadow" is an absolute path`, ""},
		"a hard link to nothing": {pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "b"}),
			`"a" is a hard link to "b", which is no file before it`, ""},
		"a name of git": {pack(t, reg("sub/.GIT/config")), `"sub/.GIT/config" has a name that git takes`,
			""},
		"a virtualenv": {pack(t, reg("venv/bin/python")), "it contains venv, which the release creates",
			"move it out of there"},
		"a marker": {pack(t, reg(".runbook.json")),
			"it contains .runbook.json, which the release creates", ""},
		"no files":          {pack(t, folder("a")), "there are no files in it", ""},
		"git's files alone": {pack(t, reg(".git/config")), "there are no files in it", ""},
		"nothing":           {nil, "cannot be read as a tar archive: unexpected EOF", "tar -czf"},
		"text": {bytes.Repeat([]byte("x"), 2000),
			"cannot be read as a tar archive: archive/tar: invalid tar header", "tar -czf"},
		"half a file":                {whole[:700], "cannot be read as a tar archive: unexpected EOF", ""},
		"cut off between files":      {whole[:1024], "cannot be read as a tar archive: unexpected EOF", ""},
		"cut off in its compression": {compress(t, whole)[:60], "unexpected EOF", ""},
		"damaged compression": {append(compress(t, whole)[:len(compress(t, whole))-8], make([]byte, 8)...),
			"gzip: invalid checksum", ""},
		"xz":              {[]byte("\xfd7zXZ\x00…"), "is a file of xz, which is not supported", "tar -czf"},
		"zip":             {[]byte("PK\x03\x04…"), "is a file of zip, which is not supported", "tar -czf"},
		"more than 4 GiB": {compress(t, bomb(t)), "more than 4 GiB of files", ""},
	} {
		path := filepath.Join(t.TempDir(), "app.tar")
		if err := os.WriteFile(path, row.text, 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := write(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), row.want) ||
			!strings.Contains(event.Hint(err), row.hint) {
			t.Errorf("%s: %v, hint %q; want %s, hint %q", what, err, event.Hint(err), row.want, row.hint)
		}
		if strings.Contains(text, "\ndone\n") {
			t.Errorf("%s: the stream is complete", what)
		}
	}
	_, err := write("/nonesuch")
	if err == nil || event.Hint(err) != "build it first, or name another path" {
		t.Errorf("%v, hint %q", err, event.Hint(err))
	}
}

// bomb is the beginning of an archive with a file of 5 GiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Size: 5 << 30,
		Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A folder is read with its file modes, and without .git.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "web")
	for _, path := range []string{".git", "sub/.git", "empty/inner", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, path), 0o775); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []struct {
		path string
		mode os.FileMode
	}{{"wsgi.py", 0o664}, {"bin/run", 0o755}, {"secret", 0o640}, {"bin/own", 0o700}, {".git/config", 0o644},
		{"sub/.git/HEAD", 0o644}, {"quo\"te \\", 0o444}, {"bad", 0o4755}} {
		path := filepath.Join(root, f.path)
		if err := os.WriteFile(path, []byte(f.path), f.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, f.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("bin/run", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "empty/inner"), 0o750); err != nil {
		t.Fatal(err)
	}
	_, commit := cut(t, root)
	if strings.Contains(commit, ".git") {
		t.Errorf("the commit is\n%s", commit)
	}
	for _, line := range []string{"file g-rx,o-rx bin/own", "folder = empty", "folder o-rx empty/inner",
		"file o-r secret", "folder = sub", `M 100755 :1 "bad"`, `M 100644 :5 "quo\"te \\"`} {
		if !strings.Contains(commit, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, commit)
		}
	}
	if strings.Contains(commit, "folder = bin") || strings.Contains(commit, "file = ") {
		t.Errorf("the commit is\n%s", commit)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := write(root); err == nil || !strings.Contains(err.Error(), `"pipe" is a device, a pipe or a socket`) {
		t.Errorf("a pipe: %v", err)
	}
}

// cut returns the stream for a path, divided before the commit.
func cut(t *testing.T, path string) (blobs, commit string) {
	t.Helper()
	text, err := write(path)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(text, "commit refs/")
	return text[:i], text[i:]
}
