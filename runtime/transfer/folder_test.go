//go:build linux

package transfer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/ssh/shell"
)

// plant creates files with their names as content. A name that ends in a slash is a folder, and
// "a -> b" a link.
func plant(t *testing.T, root string, names ...string) {
	t.Helper()
	must(t, os.MkdirAll(root, 0o755))
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		at := filepath.Join(root, link)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, at))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(at, 0o755))
		default:
			must(t, os.WriteFile(at, []byte(name), 0o644))
		}
	}
}

// Files that only the host has stay, unless Delete is set. Excluded files stay in any case.
func TestUploadIntoFolder(t *testing.T) {
	onEach(t, func(t *testing.T, h *shell.Host) {
		for name, tt := range map[string]struct {
			mine, there, want []string
			o                 UploadOptions
			fails             string
		}{
			"keep": {mine: []string{"a", "d/b"},
				there: []string{"x", "d/y", "e/z", "l -> nowhere", "e/empty/"},
				want:  []string{"a", "d/b", "d/y", "e/empty/", "e/z", "l -> nowhere", "x"}},
			"delete": {mine: []string{"a"}, there: []string{"a", "x", "e/z", "l -> a"},
				o: UploadOptions{Delete: true}, want: []string{"a"}},
			"exclude here": {mine: []string{"a", "a.pyc", "c/b.pyc", "c/d"},
				o: UploadOptions{Exclude: []Pattern{"*.pyc"}}, want: []string{"a", "c/d"}},
			"exclude there": {mine: []string{"a", "media/mine"},
				there: []string{"media/theirs", "x", "d/k.log", "d/x", "p/q/k.log"},
				o:     UploadOptions{Delete: true, Exclude: []Pattern{"/media/", "*.log"}},
				want:  []string{"a", "d/k.log", "media/theirs", "p/q/k.log"}},
			"odd names": {mine: []string{"it's\n\\odd", "-rf"},
				there: []string{"a\n", "-x", " y ", "d\n/z"},
				want:  []string{" y ", "-rf", "-x", "a\n", "d\n/z", "it's\n\\odd"}},
			"link to a folder": {mine: []string{"a/b"}, there: []string{"c/d", "a -> c"},
				want: []string{"a/b", "c/d"}},
			"folder becomes a file": {mine: []string{"a"}, there: []string{"a/b"}, o: UploadOptions{Delete: true},
				want: []string{"a"}},
			"folder that must stay": {mine: []string{"a"}, there: []string{"a/b"},
				fails: "a/b is to stay on the host, but a is no folder here"},
		} {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				mine, to, want := filepath.Join(dir, "mine"), filepath.Join(dir, "to"), filepath.Join(dir, "want")
				plant(t, mine, tt.mine...)
				plant(t, to, tt.there...)
				plant(t, want, tt.want...)
				before := tree(t, to)
				tt.o.Changed = true
				changed, err := Upload(t.Context(), h, mine, to+"/", tt.o)
				switch {
				case tt.fails != "":
					if err == nil || !strings.Contains(err.Error(), tt.fails) || event.Hint(err) == "" ||
						!slices.Equal(tree(t, to), before) {
						t.Errorf("%v; %q", err, tree(t, to))
					}
				case err != nil || !changed || !slices.Equal(tree(t, to), tree(t, want)):
					t.Errorf("%v, %v:\n%q\n%q", changed, err, tree(t, to), tree(t, want))
				default:
					if changed, err := Upload(t.Context(), h, mine, to, tt.o); err != nil || changed {
						t.Errorf("again: %v, %v", changed, err)
					}
				}
				if names := left(t, dir); len(names) > 0 {
					t.Errorf("left: %q", names)
				}
			})
		}
	})
}

// uid returns the owner, group and mode of a file.
func uid(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d %04o", st.Uid, st.Gid, info.Mode().Perm())
}

// A replaced file keeps its owner. A given owner and mode apply to everything that is sent.
func TestUploadOwner(t *testing.T) {
	h := newPool(t, shell.Options{}).Localhost()
	dir := t.TempDir()
	mine, to, file := filepath.Join(dir, "mine"), filepath.Join(dir, "to"), filepath.Join(dir, "file")
	plant(t, mine, "a", "same", "sub/b", "empty/", "l -> a")
	plant(t, to, "same", "host/only", "sub/b", "empty/", "media/x")
	must(t, os.WriteFile(filepath.Join(to, "sub/b"), []byte("old"), 0o644))
	for name, id := range map[string]int{"": 7, "sub": 1, "sub/b": 2, "host": 3, "host/only": 4, "empty": 5,
		"media": 6} {
		must(t, os.Lchown(filepath.Join(to, name), id, id))
	}
	check := func(want map[string]string) {
		t.Helper()
		for name, is := range want {
			if got := uid(t, filepath.Join(to, name)); got != is {
				t.Errorf("%q: %s, want %s", name, got, is)
			}
		}
	}
	upload := func(o UploadOptions, want bool) {
		t.Helper()
		if changed, err := Upload(t.Context(), h, mine, to, o); err != nil || changed != want {
			t.Errorf("%v, %v", changed, err)
		}
	}
	upload(UploadOptions{Changed: true}, true)
	kept := map[string]string{"host": "3:3 0755", "host/only": "4:4 0644", "media": "6:6 0755"}
	check(kept)
	check(map[string]string{"": "7:7 0755", "a": "0:0 0644", "same": "0:0 0644", "sub": "1:1 0755", "sub/b": "2:2 0644",
		"empty": "5:5 0755"})
	given := UploadOptions{Changed: true, Owner: owner.Owner{User: "nobody"}, Mode: 0o640}
	upload(given, true)
	upload(given, false)
	check(kept)
	check(map[string]string{"": "65534:7 0750", "a": "65534:0 0640", "sub": "65534:1 0750", "sub/b": "65534:2 0640",
		"l": "65534:0 0777"})

	one := filepath.Join(mine, "a")
	for _, step := range []struct {
		o    UploadOptions
		want string
	}{{UploadOptions{Owner: owner.Owner{User: "3", Group: "4"}}, "3:4 0644"}, {UploadOptions{Mode: 0o600}, "3:4 0600"},
		{UploadOptions{Changed: true, Owner: owner.Owner{Group: "6"}}, "3:6 0644"},
		{UploadOptions{Changed: true, Owner: owner.Owner{Group: "5"}}, "3:5 0644"}} {
		must(t, sent(Upload(t.Context(), h, one, file, step.o)))
		if got := uid(t, file); got != step.want {
			t.Errorf("%s, want %s", got, step.want)
		}
	}
	for want, o := range map[string]UploadOptions{"is not the name": {Owner: owner.Owner{User: "a:b"}},
		"invalid user": {Owner: owner.Owner{User: "no-such-user"}}, "for folders": {Delete: true},
		"invalid pattern": {Exclude: []Pattern{"["}}} {
		if err := sent(Upload(t.Context(), h, one, file, o)); err == nil || !strings.Contains(err.Error(), want) ||
			uid(t, file) != "3:5 0644" {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// Files that another program creates just before the swap are kept, unless Delete applies to them.
func TestUploadKeepsLateFiles(t *testing.T) {
	for _, swap := range []string{"mv", "python3"} {
		h, ctx := hostWith(t, "tar", "rm", "chmod", "chown", "find", "sha256sum", "mkdir", "xargs", "stat", "ln", "cp",
			"sh", "touch", "printf")
		dir := t.TempDir()
		mine, to := filepath.Join(dir, "mine"), filepath.Join(dir, "to")
		plant(t, mine, "a")
		plant(t, to, "x", "media/x")
		bin := t.TempDir()
		real := map[string]string{"mv": "/bin/mv", "python3": "/usr/bin/python3"}[swap]
		must(t, os.WriteFile(filepath.Join(bin, swap),
			fmt.Appendf(nil, "#!/bin/sh\ncd %s 2>/dev/null && mkdir -p media/new && "+
				"touch media/late media/new/file late x\ncd /\nexec %s \"$@\"\n", to, real), 0o755))
		ctx = shell.WithEnv(ctx, h, map[string]string{"PATH": bin + ":" + pathOf(ctx, t, h)})
		for _, o := range []UploadOptions{{Delete: true, Exclude: []Pattern{"media"}}, {Changed: true}} {
			must(t, os.WriteFile(filepath.Join(mine, "a"), []byte(fmt.Sprint(o.Delete)), 0o600))
			must(t, sent(Upload(ctx, h, mine, to, o)))
			for name, want := range map[string]bool{"media/x": true, "media/late": true, "media/new/file": true,
				"late": !o.Delete, "a": true} {
				if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != want {
					t.Errorf("%s, %+v: %s: %v", swap, o, name, err)
				}
			}
			must(t, os.RemoveAll(filepath.Join(to, "media", "new")))
		}
		if names := left(t, dir); len(names) > 0 {
			t.Errorf("left: %q", names)
		}
	}
}

func pathOf(ctx context.Context, t *testing.T, h *shell.Host) string {
	t.Helper()
	r, err := h.Run(ctx, shell.Command{Script: "printf %s \"$PATH\""})
	must(t, err)
	return r.Stdout
}

// A mount in the old folder is an error: its files would be removed with the folder.
func TestUploadRefusesMounts(t *testing.T) {
	h := newPool(t, shell.Options{}).Localhost()
	dir := t.TempDir()
	mine, to := filepath.Join(dir, "mine"), filepath.Join(dir, "to")
	plant(t, mine, "a")
	plant(t, to, "b", "me dia/", "media2/")
	plant(t, filepath.Join(dir, "to2"), "b")
	must(t, syscall.Mount("runbook-test", filepath.Join(to, "me dia"), "tmpfs", 0, "size=64k"))
	defer func() { must(t, syscall.Unmount(filepath.Join(to, "me dia"), syscall.MNT_DETACH)) }()
	plant(t, filepath.Join(to, "me dia"), "precious")
	before := tree(t, to)
	err := sent(Upload(t.Context(), h, mine, to, UploadOptions{Delete: true, Exclude: []Pattern{"me dia"}}))
	if err == nil || !strings.Contains(err.Error(), "/me dia is mounted there") || event.Hint(err) == "" ||
		!slices.Equal(tree(t, to), before) {
		t.Errorf("%v; %q", err, tree(t, to))
	}
	must(t, sent(Upload(t.Context(), h, mine, filepath.Join(dir, "to2"), UploadOptions{Delete: true})))
}

// An interrupt, a lost connection or a full disk in the middle leaves the old folder as it was.
func TestUploadIntoFolderInterrupted(t *testing.T) {
	server, dir := sshtest.Start(t), t.TempDir()
	mine, small, to := filepath.Join(dir, "mine"), filepath.Join(dir, "small"), filepath.Join(dir, "small", "to")
	plant(t, mine, "a", "big")
	must(t, os.Mkdir(small, 0o755))
	must(t, syscall.Mount("runbook-test", small, "tmpfs", 0, "size=512k"))
	defer func() { must(t, syscall.Unmount(small, syscall.MNT_DETACH)) }()
	plant(t, to, "a", "keep", "sub/x")
	before := tree(t, to)
	h := newPool(t, shell.Options{}).Host(server.Target(t))
	must(t, os.Truncate(filepath.Join(mine, "big"), 1<<20))
	err := sent(Upload(t.Context(), h, mine, to, UploadOptions{Delete: true}))
	if err == nil || !strings.Contains(err.Error(), "no space left") || event.Hint(err) == "" {
		t.Errorf("full: %v, %q", err, event.Hint(err))
	}
	if got := tree(t, to); !slices.Equal(got, before) || len(left(t, small)) > 0 {
		t.Errorf("after a full disk: %q; left %q", got, left(t, small))
	}
	to = filepath.Join(dir, "to")
	plant(t, to, "a", "keep", "sub/x")
	must(t, os.Truncate(filepath.Join(mine, "big"), 1<<40))
	for name, stop := range map[string]func(context.CancelFunc){
		"interrupt": func(cancel context.CancelFunc) { cancel() },
		"loss":      func(context.CancelFunc) { server.DropConnections(t) },
	} {
		h := newPool(t, shell.Options{}).Host(server.Target(t))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sent(Upload(ctx, h, mine, to, UploadOptions{Delete: true})) }()
		sshtest.Eventually(t, "it is on its way", func() bool {
			names := left(t, dir)
			if len(names) == 0 {
				return false
			}
			info, err := os.Stat(filepath.Join(dir, names[0], "big"))
			return err == nil && info.Size() > 0
		})
		stop(cancel)
		if err := <-ended; err == nil {
			t.Errorf("%s: no error", name)
		}
		cancel()
		if got := tree(t, to); !slices.Equal(got, before) {
			t.Errorf("%s: %q", name, got)
		}
		sshtest.Eventually(t, name+": nothing is left", func() bool { return len(left(t, dir)) == 0 })
	}
}
