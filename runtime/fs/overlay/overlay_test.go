package overlay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

func localhost(t *testing.T) *shell.Host {
	t.Helper()
	pool := shell.NewPool(event.NewStream(), shell.Options{Options: ssh.Options{Getenv: sshtest.Home(t)}})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool.Localhost()
}

// seed fills a folder.
func seed(t *testing.T, dir string) string {
	t.Helper()
	for path, text := range map[string]string{"a/x": "ax", "a/sub/y": "asuby", "b/x": "bx", "f": "f"} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// describe returns the results of the functions for a path. Errors are compared only as "no such
// file" or others.
func describe(ctx context.Context, f files, dir, p string) string {
	var out strings.Builder
	add := func(what string, value any, err error) {
		text := strings.ReplaceAll(fmt.Sprint(value), dir, "DIR")
		if err != nil {
			text = map[bool]string{true: "nothing there", false: "an error"}[errors.Is(err, os.ErrNotExist)]
		}
		fmt.Fprintf(&out, "%s %s; ", what, text)
	}
	there, err := f.Exists(ctx, dir+p)
	add("exists", there, err)
	info, err := f.Stat(ctx, dir+p)
	if info.Kind == "folder" || info.Kind == "link" {
		info.Size = 0
	}
	add("stat", fmt.Sprint(info.Kind, " ", info.Size, " ", info.UID), err)
	target, err := f.Readlink(ctx, dir+p)
	add("readlink", target, err)
	if info.Kind == "link" && err == nil { // a dangling or circular link may be either error
		return out.String()
	}
	names, err := f.List(ctx, dir+p)
	if info.Kind != "file" {
		add("list", names, err)
	}
	text, err := f.Read(ctx, dir+p, 1000)
	if info.Kind != "folder" {
		add("read", text, err)
	}
	return out.String()
}

// TestAsOnHost makes random changes twice: on a folder, and only in an overlay over an equal
// folder. Both must look the same afterwards.
func TestAsOnHost(t *testing.T) {
	h := localhost(t)
	ctx := t.Context()
	var paths []string
	for _, one := range []string{"/a", "/b", "/f", "/new"} {
		paths = append(paths, one, one+"/x", one+"/sub", one+"/sub/y")
	}
	for round := range 60 {
		random := rand.New(rand.NewPCG(uint64(round), 7))
		real, below := seed(t, t.TempDir()), seed(t, t.TempDir())
		overlay := &Overlay{}
		f := overlay.On(h, "")
		var done []string
		for range 10 {
			p, other := paths[random.IntN(len(paths))], paths[random.IntN(len(paths))]
			var err error
			var skip func()
			var what string
			switch random.IntN(6) {
			case 0:
				what = "mkdir " + p
				_, err = fs.On(h).Mkdir(ctx, real+p, fs.MkdirOptions{Parents: true})
				skip = func() { f.mkdir(ctx, below+p, "") }
			case 1:
				what = "write " + p
				_, err = fs.On(h).Write(ctx, real+p, "text", fs.WriteOptions{})
				skip = func() { f.write(ctx, fs.Draft{Path: below + p, Text: "text", Append: false}) }
			case 2:
				what = "append " + p
				_, err = fs.On(h).Write(ctx, real+p, "more", fs.WriteOptions{Append: true})
				skip = func() { f.write(ctx, fs.Draft{Path: below + p, Text: "more", Append: true}) }
			case 3:
				what = "remove " + p
				_, err = fs.On(h).Remove(ctx, real+p, true)
				skip = func() { f.remove(ctx, below+p) }
			case 4:
				what = "symlink " + p + " to " + other
				_, err = fs.On(h).Symlink(ctx, real+other, real+p, true)
				skip = func() { f.symlink(ctx, below+other, below+p) }
			case 5:
				what = "rename " + p + " to " + other
				err = fs.On(h).Rename(ctx, real+p, real+other)
				skip = func() { f.rename(ctx, below+p, below+other) }
			}
			if err != nil {
				continue // a real run would end here
			}
			skip()
			done = append(done, what)
		}
		for _, p := range paths {
			want, got := describe(ctx, fs.On(h), real, p), describe(ctx, f, below, p)
			if strings.Contains(want, "exists an error") { // circular links
				break
			}
			if want != got {
				t.Fatalf("after %s:\n%s\nis        %s\nshould be %s", strings.Join(done, ", "), p, got, want)
			}
		}
	}
}

// Paths that only a skipped command can have created exist, as far as later changes need them.
func TestAfterCommands(t *testing.T) {
	ctx, dir := t.Context(), seed(t, t.TempDir())
	f := (&Overlay{}).On(localhost(t), "")
	f.write(ctx, fs.Draft{Path: dir + "/made/by/command/file", Text: "text", PutOptions: fs.PutOptions{Mode: "0640"}})
	f.rename(ctx, dir+"/unknown", dir+"/renamed")
	f.upload(dir+"/a", dir+"/uploaded", "")
	f.upload(dir+"/f", dir+"/b/sent", "0600")
	f.remove(ctx, dir+"/a/x")
	for p, want := range map[string]string{
		"/made":                 "exists true; stat folder 0 UID; readlink an error; list [by]; ",
		"/made/by/command":      "exists true; stat folder 0 UID; readlink an error; list [file]; ",
		"/made/by/command/file": "exists true; stat file 4 UID; readlink an error; read text; ",
		"/renamed":              "exists true; stat file 0 UID; readlink an error; read an error; ",
		"/unknown": "exists false; stat nothing there; readlink nothing there; list nothing there; " +
			"read nothing there; ",
		"/b/sent": "exists true; stat file 1 UID; readlink an error; read f; ",
		"/a":      "exists true; stat folder 0 UID; readlink an error; list [sub]; ",
	} {
		if got := describe(ctx, f, dir, p); got != strings.ReplaceAll(want, "UID", fmt.Sprint(os.Getuid())) {
			t.Errorf("%s is\n%s\nshould be\n%s", p, got, want)
		}
	}
	if info, err := f.Stat(ctx, dir+"/made/by/command/file"); err != nil || info.Mode != "0640" {
		t.Errorf("%+v, %v", info, err)
	}
	for _, p := range []string{"/uploaded", "/made/by", "/a"} {
		if space, err := f.Disk(ctx, dir+p); err != nil || space.BytesTotal == 0 {
			t.Errorf("%s: %+v, %v", p, space, err)
		}
	}
	if missing, err := f.Missing(ctx, []string{dir + "/a/x", dir + "/a/sub", dir + "/made"}); err != nil ||
		len(missing) != 1 {
		t.Errorf("%v, %v", missing, err)
	}
}
