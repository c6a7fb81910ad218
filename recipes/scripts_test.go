package recipes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// findScripts lists the repository's files whose name ends so.
func findScripts(t *testing.T, ending string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular() && strings.HasSuffix(path, ending):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files end in %s: %v", len(paths), ending, err)
	}
	return paths
}

func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v: .ci/test installs it", err)
	}
}

func TestShellcheck(t *testing.T) {
	needTool(t, "shellcheck")
	paths := findScripts(t, ".sh")
	ci, err := filepath.Glob("../.ci/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range ci {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue // its .sh files are found anyway
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); first == "#!/bin/sh" || first == "#!/bin/bash" {
			paths = append(paths, path)
		}
	}
	if out, err := exec.Command("shellcheck", append([]string{"--color=never"},
		paths...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestServerFiles looks at a server whose error log the login may not read, and whose httpd.pid names
// all processes of the login.
func TestServerFiles(t *testing.T) {
	text, err := os.ReadFile("lib/mod_wsgi.sh")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil { // another user is to look
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{".arguments": 0o644, "error_log": 0, "httpd.pid": 0o644} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("-1\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ action, argument, want string }{
		{"look", ".arguments", "ours\t\x00yes\t\x00\x00\n\x00program\t\x00/bin/sh\t\x00"}, // and no size between
		{"stop", "0", ""},
	} {
		words := []string{"/bin/sh", "-c", string(text), "sh", tt.action, root, tt.argument, "", "", "/bin/sh"}
		if os.Getuid() == 0 { // root may read everything
			words = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, words...)
		}
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = "/"
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v, %q", tt.action, err, out)
		}
	}
}

// TestScriptsPrintRecords checks that all scripts of the library print by the same function, since
// a script is sent alone.
func TestScriptsPrintRecords(t *testing.T) {
	say := map[string]string{
		".sh": `say() { printf '\0'; printf '%s\t\0' "$@"; printf '\0\n'; } # read by helpers.records` + "\n",
		".py": `def say(*fields):
    """Prints a record, which helpers.records reads."""
    text = "\0" + "".join(("%s" % field).replace("\0", "") + "\t\0" for field in fields) + "\0\n"
    os.write(1, text.encode("utf-8", "surrogateescape"))
`}
	calls := regexp.MustCompile(`(?m)\bsay[ (]`)
	for ending, function := range say {
		for _, path := range findScripts(t, ending) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(path, "../recipes/lib/") && calls.Match(text) &&
				!strings.Contains(string(text), function) {
				t.Errorf("%s has another say than:\n%s", path, function)
			}
		}
	}
}

// pythonIn matches a literal that has a Python program.
var pythonIn = regexp.MustCompile(
	`^\s*(#!.*python|import \w[\w.]*( as \w+)?(, \w[\w.]*)*\s*([;\n]|$)|from [\w.]+ import )`)

// inShell matches a program in single quotes that a shell script gives to -c, and inLua a string.
var (
	inShell = regexp.MustCompile(`(?s) -c '([^']*)'`)
	inLua   = regexp.MustCompile(`(?s)"([^"\n]*)"|\[\[(.*?)\]\]`)
)

// embeddedPython returns the Python programs in string literals of a file, by place.
func embeddedPython(t *testing.T, path, text string) map[string]string {
	t.Helper()
	literals := map[string]string{}
	switch filepath.Ext(path) {
	case ".sh":
		for i, found := range inShell.FindAllStringSubmatch(text, -1) {
			literals[fmt.Sprintf("%s, program %d", path, i+1)] = found[1]
		}
	case ".lua":
		for i, found := range inLua.FindAllStringSubmatch(text, -1) {
			literals[fmt.Sprintf("%s, string %d", path, i+1)] = found[1] + found[2]
		}
	case ".go":
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				literals[files.Position(literal.Pos()).String()] = value
			}
			return true
		})
	}
	maps.DeleteFunc(literals, func(_, value string) bool { return !pythonIn.MatchString(value) })
	return literals
}

// onThisMachine has the programs that never run on a host: those of the lab and of tests.
var onThisMachine = regexp.MustCompile(`/runtime/lab/|/testdata/|_test\.(go|lua)$`)

// checkPython35 returns what testdata/python35.py finds in programs, by name.
func checkPython35(t *testing.T, programs map[string]string) []string {
	t.Helper()
	needTool(t, "python3")
	input, err := json.Marshal(programs)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("python3", "testdata/python35.py")
	command.Stdin = bytes.NewReader(input)
	out, err := command.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || len(exit.Stderr) > 0) {
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// TestPython35 checks every program that may run on a host's Python.
func TestPython35(t *testing.T) {
	programs := map[string]string{}
	for _, ending := range []string{".py", ".sh", ".lua", ".go"} {
		for _, path := range findScripts(t, ending) {
			if onThisMachine.MatchString(path) {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if ending == ".py" {
				programs[path] = string(text)
			} else {
				maps.Copy(programs, embeddedPython(t, path, string(text)))
			}
		}
	}
	names := strings.Join(slices.Collect(maps.Keys(programs)), "\n")
	for _, want := range []string{"/recipes/lib/verify.py", "/shell/relay.py", "/lib/facts.sh, program ",
		"/lib/pip.sh, program "} {
		if !strings.Contains(names, want) {
			t.Errorf("%s is not among the programs:\n%s", want, names)
		}
	}
	for _, mistake := range checkPython35(t, programs) {
		t.Error(mistake)
	}
}

// TestPython35Finds checks that the check finds what it lists, in every form.
func TestPython35Finds(t *testing.T) {
	wanted := map[string]string{
		"print(f'{1}')":                                            "string",
		"x: int = 1":                                               "3.6",
		"x = 1_000":                                                "3.6",
		"if (x := 1): pass":                                        "3.8",
		"def f(a, /): pass":                                        "3.8",
		"from __future__ import annotations":                       "annotations",
		"from importlib import metadata":                           "importlib.metadata",
		"from importlib.metadata import version":                   "importlib.metadata",
		"import importlib.resources as r":                          "importlib.resources",
		"import subprocess as s\ns.run([], text=1)":                "run(text=…)",
		"from subprocess import run\nrun([], capture_output=True)": "run(capture_output=…)",
		"subprocess.Popen([], encoding='x')":                       "Popen(encoding=…)",
		"import math as m\nm.prod([])":                             "math.prod",
		"from os import fspath as f\nf(1)":                         "os.fspath",
		"except_ = ModuleNotFoundError":                            "ModuleNotFoundError",
		"'a'.removeprefix('b')":                                    "the method removeprefix",
		"with os.scandir('.') as entries: pass":                    "with os.scandir",
		"print({} | x)":                                            "union of dictionaries",
		"import re\nre.compile('\\d')":                             "invalid escape",
	}
	programs := map[string]string{}
	for program := range wanted {
		programs[program] = program
	}
	all := strings.Join(checkPython35(t, programs), "\n")
	for program, want := range wanted {
		if found := regexp.MustCompile(regexp.QuoteMeta(program) + `:.*` +
			regexp.QuoteMeta(want)); !found.MatchString(all) {
			t.Errorf("%q: no %q in\n%s", program, want, all)
		}
	}
	for name, text := range map[string]string{
		"x.sh":  "python3 -c 'import os\nos.fspath(1)'\n",
		"x.lua": "host:run({ python, \"-c\", \"import os; os.fspath(1)\" })\n",
		"x.go":  "package x\n\nconst program = `\nimport os\nos.fspath(1)\n`\n",
	} {
		if got := checkPython35(t, embeddedPython(t, name, text)); len(got) != 1 ||
			!strings.Contains(got[0], "os.fspath") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// oldPythons returns the Pythons 3.5 and 3.6 of a pyenv and of a build by hand, where there are
// any, and PyPy.
func oldPythons(t *testing.T) []string {
	t.Helper()
	needTool(t, "pypy3")
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	pythons := []string{"pypy3"}
	for _, pattern := range []string{filepath.Join(home, ".pyenv/versions/3.[56].*/bin/python3"),
		"/opt/python3.[56]*/bin/python3"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pythons = append(pythons, found...)
	}
	return pythons
}

// TestPython35Runs runs the programs of the library on old Pythons; TestVirtualenv does so for
// virtualenv.py.
func TestPython35Runs(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pinned := file("requirements.txt", "# nothing\n")
	loose := file("loose.txt", "nothing >= 1\n")
	elsewhere := file("elsewhere.txt", "nothing; sys_platform == 'win32'\nnothing>=1; python_version < '3.0'\n"+
		"nothing (<2); python_version < '3' and extra == 'more'\npip\npip >= 1.0, <1000 ; sys_platform != 'win32'\n")
	older := file("older.txt", "pip>=1\npip<1\n")
	good := file("good.py", "application = print\n")
	bad := file("bad.py", "\nprint('not the answer')\nimport nowhere_\n")
	project := file("pyproject.toml", "[project]\nname = 'shop'\ndependencies = ['a == 1',  'b\\n== 2']\n")
	wheel := filepath.Dir(file("wheels/a-1-py3-none-any.whl", "abc"))
	lock := file("uv.lock",
		"[[package]]\nname = \"shop\"\nsource = { virtual = \".\" }\n"+
			"dependencies = [\n    { name = \"nothing_\" },\n]\n")
	const prefix = "import sys; print(sys.prefix, end='')"
	for _, python := range oldPythons(t) {
		place, err := exec.Command(python, "-c", prefix).Output()
		if err != nil {
			t.Fatalf("%s: %v", python, err)
		}
		for _, c := range []struct {
			script, want string
			args         []string
		}{
			{"wheels.py", `^\|(cpython|pypy), 3\.\d+, \S+, linux-\w+, (glibc [\d.]+|not glibc)\t\|\|$`, nil},
			{"wheels.py", `^\|a-1-py3-none-any\.whl\t\|ba7816bf[0-9a-f]{56}\t\|\|$`, []string{wheel}},
			{"packages.py", `^\|\d+\t\|/venv/\S*site-packages\t\|[\d.]*\t\|\|$`, []string{"/venv"}},
			{"shared_virtualenv.py", `^\|make\t\|[0-9a-f]{16}\t\|\|$`, []string{dir + "/venvs", pinned}},
			{"shared_virtualenv.py", `^\|loose\t\|\S+ does not pin nothing >= 1 by ==\t`,
				[]string{dir + "/venvs", loose}},
			{"import.py", `^$`, []string{good, "application", "", ""}},
			{"import.py", `^\|(ImportError|ModuleNotFoundError): No module named .*\t\|.*/bad\.py\t\|3\t\|\|$`,
				[]string{bad, "application", "", ""}},
			{"project.py", `^$|this Python cannot read TOML`, []string{project, dir + "/written.txt"}},
			{"verify.py", `^\|checksum\t\|[0-9a-f]{64}\t\|\|`, []string{string(place), good, pinned, pinned}},
			{"verify.py", `^\|(checksum\t|missing\t\|pip is not installed)`,
				[]string{string(place), good, elsewhere, elsewhere}},
			{"verify.py", `^\|missing\t\|pip (\S+ is installed instead of pip<1|is not installed), which`,
				[]string{string(place), good, older, older}},
			{"verify.py", `^\|missing\t\|nothing is not installed, which \S+ requires\t`,
				[]string{string(place), "", loose, loose}},
			{"verify.py", `^\|missing\t\|nothing- is not installed, which \S+ requires\t`,
				[]string{string(place), "", lock, lock}},
		} {
			text, err := os.ReadFile("lib/" + c.script)
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command(python, append([]string{"-c", string(text)}, c.args...)...)
			var output, failure strings.Builder
			command.Dir, command.Stdout, command.Stderr = dir, &output, &failure
			err = command.Run()
			got := strings.TrimSuffix(strings.ReplaceAll(output.String(), "\x00", "|"), "\n")
			if got == "" && err != nil {
				got = failure.String()
			}
			if !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("%s: %s %q: %v: %q, want %s\n%s", python, c.script, c.args, err, got, c.want, failure.String())
			}
		}
	}
}

// portHead is the line of a port that compares it with the script that it comes from. Blank lines
// and comments are not counted.
var portHead = regexp.MustCompile(`(?m)^-- (\d+) lines of code, the original(?:, without [^,]+,)? has (\d+)\.$`)

func TestPortsAreNoLongerThanTheirOriginals(t *testing.T) {
	paths, err := filepath.Glob("examples/ports/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head := portHead.FindStringSubmatch(string(text))
		if head == nil {
			continue
		}
		compared++
		lines := 0
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
				lines++
			}
		}
		original, err := strconv.Atoi(head[2])
		if err != nil || head[1] != strconv.Itoa(lines) || lines > original {
			t.Errorf("%s has %d lines of code; its head says %s, and %s of the original", path, lines, head[1], head[2])
		}
	}
	if compared < 20 {
		t.Errorf("%d ports name the length of their original", compared)
	}
}
