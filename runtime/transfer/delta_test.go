//go:build unix

package transfer

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
)

// Only files that differ are sent. The others are the same files afterwards. With Delete, removed
// files are gone.
func TestUploadChanged(t *testing.T) {
	onEach(t, func(t *testing.T, h *shell.Host) {
		dir := t.TempDir()
		source, to := filepath.Join(dir, "source"), filepath.Join(dir, "to")
		write := func(name, text string, mode os.FileMode) {
			t.Helper()
			at := filepath.Join(source, name)
			must(t, os.MkdirAll(filepath.Dir(at), 0o755))
			must(t, os.WriteFile(at, []byte(text), mode))
			must(t, os.Chmod(at, mode))
		}
		odd := "sub/it's\n\\odd -n"
		write("same", "same", 0o644)
		write(odd, "odd", 0o600)
		write("text", "one", 0o644)
		write("mode", "mode", 0o644)
		write("gone/file", "gone", 0o644)
		write("-rf", "dash", 0o644)
		must(t, os.Symlink("same", filepath.Join(source, "link")))
		upload := func(want bool) {
			t.Helper()
			done, err := Upload(t.Context(), h, source, to, UploadOptions{Delete: true})
			if err != nil || done != want {
				t.Errorf("uploaded: %v, %v", done, err)
			}
			if got, want := tree(t, to), tree(t, source); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if names := left(t, dir); len(names) > 0 {
				t.Errorf("left: %q", names)
			}
		}
		upload(true) // nothing exists yet
		upload(false)

		before := map[string]os.FileInfo{}
		for _, name := range []string{"same", odd, "-rf", "text", "mode"} {
			before[name] = stat(t, filepath.Join(to, name))
		}
		write("text", "two", 0o644) // the same size
		write("mode", "mode", 0o755)
		write("new", "new", 0o644)
		must(t, os.RemoveAll(filepath.Join(source, "gone")))
		must(t, os.Remove(filepath.Join(source, "link")))
		must(t, os.Symlink("new", filepath.Join(source, "link")))
		upload(true)
		for name, was := range before {
			same := name != "text" && name != "mode"
			if os.SameFile(was, stat(t, filepath.Join(to, name))) != same {
				t.Errorf("%q: the same file: %v, want %v", name, !same, same)
			}
		}

		// A removed file, or a file that became a folder, is a difference too.
		must(t, os.Remove(filepath.Join(source, "new")))
		upload(true)
		must(t, os.Remove(filepath.Join(source, "text")))
		must(t, os.Mkdir(filepath.Join(source, "text"), 0o750))
		upload(true)
		upload(false)
	})
}

func TestUploadChangedFile(t *testing.T) {
	onEach(t, func(t *testing.T, h *shell.Host) {
		dir := t.TempDir()
		source, to := filepath.Join(dir, "-source"), filepath.Join(dir, "a\nfile")
		must(t, os.WriteFile(source, []byte("one"), 0o640))
		for i, step := range []struct {
			text string
			mode os.FileMode
			want bool
		}{{"one", 0, true}, {"one", 0, false}, {"two", 0, true}, {"two", 0o600, true}, {"two", 0o600, false},
			{"longer", 0o600, true}} {
			must(t, os.WriteFile(source, []byte(step.text), 0o640))
			done, err := Upload(t.Context(), h, source, to, UploadOptions{Mode: step.mode, Changed: true})
			if text, readErr := os.ReadFile(to); err != nil || done != step.want || readErr != nil ||
				string(text) != step.text {
				t.Errorf("step %d: %v, %v; it has %q, %v", i, done, err, text, readErr)
			}
		}
		// A file replaces a link, but no folder; a folder replaces no file.
		link := filepath.Join(dir, "link")
		must(t, os.Symlink(to, link))
		must(t, sent(Upload(t.Context(), h, source, link, UploadOptions{Mode: 0o600, Changed: true})))
		if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the link is %v, %v", info.Mode(), err)
		}
		for _, pair := range [][2]string{{dir, to}, {source, dir}} {
			if err := sent(Upload(t.Context(), h, pair[0], pair[1], UploadOptions{Changed: true})); err == nil ||
				event.Hint(err) == "" {
				t.Errorf("%q in place of %q: %v", pair[0], pair[1], err)
			}
			if d, err := Compare(t.Context(), h, pair[0], pair[1], UploadOptions{}); err == nil ||
				event.Hint(err) == "" {
				t.Errorf("%q compared with %q: %v, %v", pair[0], pair[1], d, err)
			}
		}
		if err := sent(Upload(t.Context(), h, source, filepath.Join(dir, "none", "x"),
			UploadOptions{Changed: true})); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("no folder: %v", err)
		}
	})
}

// If the host cannot create hard links, all files are sent.
func TestUploadChangedWithoutLinks(t *testing.T) {
	h, ctx := hostWith(t, "tar", "rm", "chmod", "find", "mv", "sha256sum", "mkdir", "xargs", "stat", "ln")
	dir := t.TempDir()
	source, to := filepath.Join(dir, "source"), filepath.Join(dir, "to")
	must(t, os.MkdirAll(source, 0o755))
	for _, text := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(source, "same"), []byte("same"), 0o644))
		must(t, os.WriteFile(filepath.Join(source, "text"), []byte(text), 0o644))
		must(t, sent(Upload(ctx, h, source, to, UploadOptions{Changed: true})))
		if got, want := tree(t, to), tree(t, source); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info
}

// FuzzSurvey cuts the host's list anywhere: the result must not depend on the cut, and must have
// only entries that this machine has.
func FuzzSurvey(f *testing.F) {
	f.Add("folder\n\x00d 755 4096 0 0 \x00\x00root\x00root\x00f 644 3 0 0 a b\x00\x00u\x00g\x00"+
		"l 777 1 1 1 l\x00a b\x00u\x00g\x00\x00", 3)
	f.Add("file\n\x00f 644 3 0 0 \x00\x00u\x00g\x00\x00", 1)
	f.Add("nothing\n", 0)
	f.Add("folder\n/m\x00d 755 1 0 0 x\x00\x00\x00\x00d 755 1 0 0 x/y\x00\x00\x00\x00\x00", 1)
	f.Fuzz(func(t *testing.T, said string, at int) {
		mine := map[string]entry{"": {}, "a b": {}}
		whole, cut := newSurvey("x", mine), newSurvey("x", mine)
		whole.remove, cut.remove = at%2 == 0, at%2 == 0
		_, wholeErr := whole.Write([]byte(said))
		at = min(max(at, 0), len(said))
		_, cutErr := cut.Write([]byte(said[:at]))
		if cutErr == nil {
			_, cutErr = cut.Write([]byte(said[at:]))
		}
		if (wholeErr == nil) != (cutErr == nil) || wholeErr == nil &&
			(whole.kind != cut.kind || !slices.Equal(whole.kept, cut.kept) ||
				!slices.Equal(whole.deleted(), cut.deleted()) || !maps.Equal(whole.entries, cut.entries)) {
			t.Errorf("whole: %+v, %v; cut at %d: %+v, %v", whole, wholeErr, at, cut, cutErr)
		}
		for name := range whole.entries {
			if _, known := mine[name]; !known {
				t.Errorf("%q is in the result", name)
			}
		}
	})
}

func TestSurvey(t *testing.T) {
	listed := "folder\n\x00"
	for _, e := range []string{"d 755 4096 0 0 |", "f 644 3 1 2 a b|", "l 777 1 0 0 l|a b", "d 755 1 0 0 only|",
		"f 600 9 0 0 only/x|", "d 755 1 0 0 only/keep|",
		"f 600 9 0 0 only/keep/y|", "f 600 9 0 0 k.log|"} {
		listed += strings.ReplaceAll(e, "|", "\x00") + "\x00user\x00group\x00"
	}
	mine := map[string]entry{"": {}, "a b": {}, "l": {}}
	exclude, err := parsePatterns([]Pattern{"keep/", "*.log"})
	must(t, err)
	for _, remove := range []bool{false, true} {
		s := newSurvey("x", mine)
		s.remove, s.exclude = remove, exclude
		_, err := s.Write([]byte(listed + "\x00"))
		root, other := owner.Actual{User: "user", Group: "group", UID: "0", GID: "0"},
			owner.Actual{User: "user", Group: "group", UID: "1", GID: "2"}
		want := map[string]entry{"": {kind: 'd', mode: 0o755, size: 4096, owner: root},
			"a b": {kind: 'f', mode: 0o644, size: 3, owner: other},
			"l":   {kind: 'l', mode: 0o777, size: 1, link: "a b", owner: root}}
		kept, deleted := []string{"only", "k.log"}, []string(nil)
		if remove { // a folder that contains an excluded file stays, too
			kept, deleted = []string{"only/keep", "k.log"}, []string{"only/x"}
		}
		if err != nil || s.kind != "folder" || !maps.Equal(s.entries, want) || !slices.Equal(s.kept, kept) ||
			!slices.Equal(s.deleted(), deleted) {
			t.Errorf("%+v, %v", s, err)
		}
	}
	for _, bad := range []string{"folder\n\x00" + strings.Repeat("x", longestName+maxFields+1),
		"folder\n\x00f 9 3 0 0 a\x00\x00\x00\x00", "folder\n\x00\x00x\x00",
		"folder\n\x00f 644 3 0 ../x a\x00\x00\x00\x00"} {
		if _, err := newSurvey("x", mine).Write([]byte(bad)); err == nil {
			t.Errorf("%.40q was accepted", bad)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern Pattern
		yes, no []string // a trailing slash marks a folder
	}{
		{"*.pyc", []string{"a.pyc", "a/b.pyc", "a/b.pyc/"}, []string{"a.py", "a.pyc/b"}},
		{"media/", []string{"media/", "a/media/"}, []string{"media", "a/media"}},
		{"/media", []string{"media", "media/"}, []string{"a/media"}},
		{"a/*.log", []string{"a/x.log"}, []string{"b/a/x.log", "a/b/x.log", "x.log"}},
		{"a/**/x", []string{"a/x", "a/b/x", "a/b/c/x"}, []string{"x", "a/b/xy"}},
		{"a/**", []string{"a/x", "a/b/c/"}, []string{"a/", "b"}},
		{"**", []string{"a", "a/b"}, []string{""}},
		{"[!a-c]?", []string{"dx"}, []string{"ax", "d"}},
		{`\*`, []string{"*"}, []string{"x"}},
		{`\[!`, []string{"[!"}, []string{"["}},
		{"a\nb", []string{"a\nb"}, []string{"a"}},
	} {
		list, err := parsePatterns([]Pattern{tt.pattern})
		must(t, err)
		for want, paths := range map[bool][]string{true: tt.yes, false: tt.no} {
			for _, p := range paths {
				if name, folder := strings.CutSuffix(p, "/"); list.match(name, folder) != want {
					t.Errorf("%q and %q: %v", tt.pattern, p, !want)
				}
			}
		}
	}
	for _, bad := range []Pattern{"", "/", "!a", "a//b", "./a", "a/../b", "[a", "[a-", `a\`, "a\x00"} {
		if _, err := parsePatterns([]Pattern{bad}); err == nil || !strings.Contains(err.Error(), "invalid pattern") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
