package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/runtime/run"
)

// venvRecipe makes a virtualenv as a release does.
const venvRecipe = `recipe {}
require("python").virtualenv(localhost, { options = { python = %q, venv = %q }, dir = %q, current = %q })
`

// TestVirtualenv compares a release's virtualenv with the one that `python -m venv` makes at the
// same place: names, types, modes and contents. It leaves out compiled files, since pip compiles
// itself when it is used.
func TestVirtualenv(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("l", 127) // longer than the kernel reads of a script's first line
	private := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(private, []byte("#!/bin/sh\numask 077\nexec /usr/bin/python3 \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pythons := []struct{ name, python, place string }{
		{"Debian", "/usr/bin/python3", "app"},
		{"a long path", "/usr/bin/python3", long},
		{"a space and a umask", private, "an app"},
		{"PyPy", "/usr/bin/pypy3", "app"},
	}
	if python := pyenvPython(t); python != "" { // Debian has no pyenv
		pythons = append(pythons, struct{ name, python, place string }{"pyenv", python, "app"})
	}
	for _, c := range pythons {
		t.Run(c.name, func(t *testing.T) {
			if _, err := os.Stat(c.python); err != nil {
				t.Fatalf("%v: install the Debian packages python3-venv and pypy3-venv, as .ci/test does", err)
			}
			place := filepath.Join(t.TempDir(), c.place)
			if said := makeVirtualenv(t, c.python, "fresh", place, ""); strings.Contains(said, "-m venv") {
				t.Fatalf("python -m venv made it: %s", said)
			}
			venv := filepath.Join(place, "venv")
			if out, err := exec.Command(venv+"/bin/pip", "--version").CombinedOutput(); err != nil ||
				!strings.Contains(string(out), venv) {
				t.Errorf("pip: %v: %s", err, out)
			}
			made := readTree(t, venv)
			if err := os.RemoveAll(venv); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(c.python, "-m", "venv", venv).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			compareTrees(t, made, readTree(t, venv))
		})
	}
}

// TestVirtualenvFromEarlier makes a virtualenv beside an earlier one. It is the same as one that
// `python -m venv` makes. Unchanged files of this user are hard links to those of the earlier one,
// and so are its compiled files. Python replaces a compiled file that does not belong to the source
// beside it. Files of the interpreter are never linked.
func TestVirtualenvFromEarlier(t *testing.T) {
	t.Parallel()
	earlier, place := t.TempDir(), t.TempDir()
	makeVirtualenv(t, "/usr/bin/python3", "fresh", earlier, "")
	links := func(path string) uint64 {
		var state syscall.Stat_t
		if err := syscall.Lstat(path, &state); err != nil {
			t.Fatal(err)
		}
		return uint64(state.Nlink)
	}
	if err := filepath.WalkDir(earlier, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && links(path) != 1 {
			t.Errorf("%s has %d links", path, links(path))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	pip := func(dir string) {
		cmd := exec.Command(dir+"/venv/bin/python", "-W", "error", "-m", "pip", "--version")
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), dir) {
			t.Errorf("pip: %v: %s", err, out)
		}
	}
	pip(earlier)            // compiles itself
	const mark = "the mark" // after the code, where Python ignores it
	modules := []struct {
		name   string
		change func(source, compiled string) error // of the earlier one
		copied bool                                // the compiled file
		linked bool                                // the source
	}{
		{"main", func(string, string) error { return nil }, true, true},
		{"base_command", func(source, _ string) error { return os.Chmod(source, 0o600) }, true, false},
		{"command_context", func(_, compiled string) error { return os.Chmod(compiled, 0o600) }, true, true},
		{"main_parser", func(source, _ string) error { // another source
			text, err := os.ReadFile(source)
			if err != nil {
				return err
			}
			info, err := os.Stat(source)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(source, bytes.ToUpper(text), 0o644),
				os.Chtimes(source, time.Time{}, info.ModTime()))
		}, false, false},
		{"autocompletion", func(source, _ string) error { // compiled from an older source
			return os.Chtimes(source, time.Time{}, time.Unix(1e9, 0))
		}, false, true},
		{"status_codes", func(_, compiled string) error { return os.Truncate(compiled, 0) }, false, true},
		{"parser", func(_, compiled string) error { return os.Chown(compiled, 65534, 65534) }, false, true},
		{"cmdoptions", func(source, _ string) error { return os.Chown(source, 65534, 65534) }, false, false},
	}
	find := func(dir, pattern string) string {
		found, err := filepath.Glob(dir + "/venv/lib/python3*/site-packages/pip/_internal/cli/" + pattern)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s below %s: %v, %v", pattern, dir, found, err)
		}
		return found[0]
	}
	for _, m := range modules {
		compiled := find(earlier, "__pycache__/"+m.name+".*.pyc")
		code, err := os.ReadFile(compiled)
		if err == nil {
			err = os.WriteFile(compiled, append(code, mark...), 0o644)
		}
		if err := errors.Join(err, m.change(find(earlier, m.name+".py"), compiled)); err != nil {
			t.Fatal(err)
		}
	}
	makeVirtualenv(t, "/usr/bin/python3", "fresh", place, earlier)
	made := readTree(t, place+"/venv")
	pip(place)
	for _, m := range modules {
		if n := links(find(place, m.name+".py")); (n == 2) != m.linked {
			t.Errorf("the source of %s has %d links", m.name, n)
		}
		code, err := os.ReadFile(find(place, "__pycache__/"+m.name+".*.pyc"))
		if copied := bytes.HasSuffix(code, []byte(mark)); err != nil || copied != m.copied {
			t.Errorf("the compiled file of %s is copied: %v, want %v; %v", m.name, copied, m.copied, err)
		}
	}
	if err := os.RemoveAll(place + "/venv"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/usr/bin/python3", "-m", "venv", place+"/venv").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	compareTrees(t, made, readTree(t, place+"/venv"))
}

// pyenvPython returns the oldest Python 3 of a pyenv, which differs most from the others, or "".
func pyenvPython(t *testing.T) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"3.[5-9].*", "3.*"} {
		found, err := filepath.Glob(filepath.Join(home, ".pyenv/versions", version, "bin/python3"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// makeVirtualenv makes PLACE/venv as a release does when current is the earlier one, and returns
// what runbook said.
func makeVirtualenv(t *testing.T, python, kind, place, current string) string {
	t.Helper()
	dir := t.TempDir()
	if status, said := runHere("init", dir); status != 0 {
		t.Fatal(said)
	}
	recipe := filepath.Join(dir, "recipes/make.lua")
	if err := os.WriteFile(recipe, []byte(fmt.Sprintf(venvRecipe, python, kind, place, current)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(place, 0o755); err != nil {
		t.Fatal(err)
	}
	status, said := runHere("run", recipe)
	if status != 0 {
		t.Fatal(said)
	}
	return said
}

// compiledRow is a row of a RECORD for a compiled file.
var compiledRow = regexp.MustCompile(`(?m)^\S*__pycache__/.*\n`)

// readTree maps the paths below a folder to mode and content, or a symlink's target.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == "__pycache__" {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var content []byte
		switch {
		case info.Mode().IsRegular():
			content, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			var target string
			target, err = os.Readlink(path)
			content = []byte(target)
		}
		if entry.Name() == "RECORD" {
			content = compiledRow.ReplaceAll(content, nil)
		}
		tree[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%v %s", info.Mode(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func compareTrees(t *testing.T, got, want map[string]string) {
	t.Helper()
	for path, theirs := range want {
		if ours, ok := got[path]; !ok {
			t.Errorf("%s is missing", path)
		} else if ours != theirs {
			t.Errorf("%s is\n%.2000s\ninstead of\n%.2000s", path, ours, theirs)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is too much", path)
		}
	}
	if len(want) < 100 {
		t.Errorf("only %d files: not a virtualenv with pip", len(want))
	}
}

// strangeVenv shadows Python's own venv and runs its code. In the first environment, $STRANGE runs
// at every start of Python; with "venv", venv lacks its step for pip instead. The second is common,
// but without pip if $STRANGE_PIP is "no", because ensurepip takes four seconds.
const strangeVenv = `import os, sysconfig
__path__ = [os.path.join(sysconfig.get_path("stdlib"), "venv")]
with open(os.path.join(__path__[0], "__init__.py"), encoding="utf-8") as source:
    exec(source.read())

flag = os.environ["STRANGE_FLAG"]
if not os.path.exists(flag):
    open(flag, "w").close()
    if os.environ["STRANGE"] == "venv":
        del EnvBuilder._setup_pip
    else:
        class EnvBuilder(EnvBuilder):
            def setup_python(self, context):
                super().setup_python(context)
                packages = sysconfig.get_path("purelib", "posix_prefix", {"base": context.env_dir})
                with open(os.path.join(packages, "strange.pth"), "w") as file:
                    file.write(os.environ["STRANGE"])
elif os.environ["STRANGE_PIP"] == "no":
    EnvBuilder._setup_pip = lambda self, context: None
`

// TestVirtualenvUnknown uses a Python whose venv or ensurepip is not like the known ones, or fails:
// `python -m venv` makes the environment instead.
func TestVirtualenvUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, strange, reason, pip string }{
		{"no step for pip", "venv", "venv does not install pip in the known way", "no"},
		{"no call of pip", "import ensurepip; del ensurepip._run_pip",
			"RuntimeError: ensurepip does not call pip in the known way", "no"},
		{"no wheels", "import ensurepip; ensurepip._WHEEL_PKG_DIR = None", "No such file or directory", "no"},
		{"a death half-way", "import csv; csv.writer = lambda f: __import__('os').kill(__import__('os').getpid(), 9)",
			"exit status -9", "yes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			variables := fmt.Sprintf("STRANGE_FLAG=%s/flag STRANGE_PIP=%s STRANGE=%s", dir, c.pip,
				run.CommandLine(c.strange))
			wrapper := pythonWith(t, dir, variables, map[string]string{"venv/__init__.py": strangeVenv})
			said := makeVirtualenv(t, wrapper, "fresh", filepath.Join(dir, "app"), "")
			warnings := regexp.MustCompile(`(?m)^.*fell back to the slower python -m venv: .*$`).FindAllString(said, -1)
			if len(warnings) != 1 || !strings.Contains(warnings[0], c.reason) {
				t.Errorf("runbook said\n%s\nand not once that %q", said, c.reason)
			}
			venv := filepath.Join(dir, "app/venv")
			if out, err := exec.Command(venv+"/bin/python", "-c", "pass").CombinedOutput(); err != nil {
				t.Errorf("Python: %v: %s", err, out)
			}
			if left, err := filepath.Glob(venv + "/lib/python3*/site-packages/strange.pth"); err != nil || left != nil {
				t.Errorf("left from the first attempt: %q %v", left, err)
			}
			if c.pip == "no" {
				return
			}
			if out, err := exec.Command(venv+"/bin/pip", "check").CombinedOutput(); err != nil {
				t.Errorf("pip: %v: %s", err, out)
			}
			record, err := filepath.Glob(venv + "/lib/python3*/site-packages/pip-*.dist-info/RECORD")
			if err != nil || len(record) != 1 {
				t.Fatalf("RECORD: %q %v", record, err)
			}
			if text, err := os.ReadFile(record[0]); err != nil || !bytes.Contains(text, []byte("../../../bin/pip3,")) {
				t.Errorf("%v: RECORD does not name pip3:\n%s", err, text)
			}
		})
	}
}

// pythonWith writes a Python that has variables, and modules before its own, in a folder. It
// returns its path.
func pythonWith(t *testing.T, dir, variables string, modules map[string]string) string {
	t.Helper()
	wrapper := filepath.Join(dir, "python3")
	files := map[string]string{wrapper: fmt.Sprintf("#!/bin/sh\nexport PYTHONPATH=%s/modules %s\n"+
		"exec /usr/bin/python3 \"$@\"\n", dir, variables)}
	for name, text := range modules {
		files[filepath.Join(dir, "modules", name)] = text
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return wrapper
}

// TestVirtualenvModule makes environments with virtualenv: where the settings ask for it, and where
// Python has no working venv. Variables of the login that set virtualenv's options are ignored.
func TestVirtualenvModule(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import virtualenv").Run(); err != nil {
		t.Fatalf("%v: install the Debian package python3-virtualenv, as .ci/test does", err)
	}
	for _, c := range []struct{ name, kind, module, text, said string }{
		{"asked for", "virtualenv", "venv.py", "raise ImportError('not needed')", ""},
		{"no ensurepip", "fresh", "ensurepip.py", "raise ImportError('no ensurepip')",
			"made by virtualenv, because this Python lacks a part of venv: no ensurepip"},
		{"a broken venv", "fresh", "venv.py", "if __name__ == '__main__': raise SystemExit('broken')",
			"fell back to virtualenv, because python -m venv failed: module 'venv' has no attribute 'EnvBuilder'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			python := pythonWith(t, dir, "VIRTUALENV_SYSTEM_SITE_PACKAGES=1 VIRTUALENV_PYTHON=/usr/bin/pypy3",
				map[string]string{c.module: c.text + "\n"})
			said := makeVirtualenv(t, python, c.kind, filepath.Join(dir, "app"), "")
			if !strings.Contains(said, c.said) || strings.Contains(said, "because") != (c.said != "") {
				t.Errorf("no %q in\n%s", c.said, said)
			}
			venv := filepath.Join(dir, "app/venv")
			out, err := exec.Command(venv+"/bin/python", "-c",
				"import sys, pip; print(sys.prefix, pip.__file__)\n"+
					"try: import virtualenv\nexcept ImportError: print('alone')").CombinedOutput()
			if want := regexp.MustCompile("^" + venv + " " + venv + "/.*\nalone\n$"); err != nil || !want.Match(out) {
				t.Errorf("%v: the environment is %s", err, out)
			}
			if _, err := os.Stat(venv + "/pyvenv.cfg"); err != nil {
				t.Error(err)
			}
		})
	}
}
