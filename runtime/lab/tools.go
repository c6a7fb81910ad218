package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tools are programs that take the place of slow or missing ones where a recipe is only tried.
type Tools struct {
	// Python makes virtualenvs in a moment, since their pip is a small one of the lab's own that knows the lab's wheels.
	// Apart from that it is this machine's python3.
	Python string
	// ModWSGIExpress is the stand-in for mod_wsgi-express, whose apachectl serves with Python's wsgiref.
	ModWSGIExpress string
}

// Tools writes the programs to the lab's folder, once, and returns where they are. They need python3 on PATH.
func (l *Lab) Tools() (Tools, error) {
	dir := filepath.Join(l.dir, "tools")
	t := Tools{Python: filepath.Join(dir, "python3"), ModWSGIExpress: filepath.Join(dir, "mod_wsgi-express")}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := os.Stat(t.ModWSGIExpress); err == nil {
		return t, nil
	}
	python, err := interpreter()
	if err != nil {
		return t, err
	}
	for _, f := range []struct{ from, to string }{
		{"venv.py", "modules/venv/__init__.py"},
		{"pip.py", "modules/venv/pip.py"},
		{"mod_wsgi_express.py", "mod_wsgi_express.py"},
		{"mod_wsgi_wsgiref.py", "mod_wsgi_wsgiref.py"},
	} {
		content, err := standin.ReadFile("standin/" + f.from)
		if err != nil {
			return t, fmt.Errorf("make the lab's tools: %w", err)
		}
		if err := writeTool(filepath.Join(dir, filepath.FromSlash(f.to)), string(content), 0o644); err != nil {
			return t, err
		}
	}
	// -S: what this machine has installed for its Python is of no use here, and may be slow to load.
	// Python's own ensurepip is a package of its own on Debian, and here nobody needs what it installs.
	return t, errors.Join(
		writeTool(filepath.Join(dir, "modules/ensurepip.py"), "def version():\n    return \"0\"\n", 0o644),
		writeTool(t.Python, fmt.Sprintf("#!/bin/sh\nPYTHONPATH=%s exec %s -S \"$@\"\n", shQuote(filepath.Join(dir, "modules")), shQuote(python)), 0o755),
		// No Apache of this machine: its own configuration is nobody's business here.
		writeTool(t.ModWSGIExpress, fmt.Sprintf("#!/bin/sh\nHTTPD=/nonexistent exec %s -S %s \"$@\"\n",
			shQuote(python), shQuote(filepath.Join(dir, "mod_wsgi_express.py"))), 0o755),
	)
}

// interpreter is this machine's python3 itself: on PATH may stand a script that looks for it anew at every start, such as
// pyenv's.
func interpreter() (string, error) {
	found, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("a lab's tools need python3, which is not installed (Debian package python3): %w", err)
	}
	return finish(exec.Command(found, "-c", "import sys; print(sys.executable)"))
}

func writeTool(path, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the lab's tools: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return fmt.Errorf("make the lab's tools: %w", err)
	}
	return nil
}

// shQuote quotes a word for /bin/sh.
func shQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
