package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tools are fast stand-ins for slow or missing programs, for tests of recipes.
type Tools struct {
	// Python is a real Python, except that its virtualenvs have a minimal pip that only knows the
	// lab's wheels. Creating one takes milliseconds.
	Python string
	// ModWSGIExpress is a mod_wsgi-express whose apachectl serves with Python's wsgiref.
	ModWSGIExpress string
}

// Tools returns the paths of the programs. The first call writes them. They run python, the name or
// path of a Python 3.
func (f *Folder) Tools(python string) (Tools, error) {
	dir := filepath.Join(f.Dir, "tools")
	t := Tools{Python: filepath.Join(dir, "python3"), ModWSGIExpress: filepath.Join(dir, "mod_wsgi-express")}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Stat(t.ModWSGIExpress); err == nil {
		return t, nil
	}
	python, err := interpreter(python)
	if err != nil {
		return t, err
	}
	for _, copied := range []struct{ from, to string }{
		{"venv.py", "modules/venv/__init__.py"},
		{"pip.py", "modules/venv/pip.py"},
		{"mod_wsgi_express.py", "mod_wsgi_express.py"},
		{"mod_wsgi_wsgiref.py", "mod_wsgi_wsgiref.py"},
	} {
		content, err := standin.ReadFile("standin/" + copied.from)
		if err != nil {
			return t, fmt.Errorf("write the lab's tools: %w", err)
		}
		if err := writeTool(filepath.Join(dir, filepath.FromSlash(copied.to)), string(content), 0o644); err != nil {
			return t, err
		}
	}
	// -S skips this machine's site-packages, which may be slow to load. Debian ships ensurepip in a
	// separate package; an empty one is enough, since nothing uses what it installs.
	return t, errors.Join(
		writeTool(filepath.Join(dir, "modules/ensurepip.py"), "def version():\n    return \"0\"\n", 0o644),
		writeTool(t.Python, fmt.Sprintf("#!/bin/sh\nPYTHONPATH=%s exec %s -S \"$@\"\n",
			shQuote(filepath.Join(dir, "modules")), shQuote(python)), 0o755),
		// HTTPD keeps the stand-in from using this machine's Apache and its configuration.
		writeTool(t.ModWSGIExpress, fmt.Sprintf("#!/bin/sh\nHTTPD=/nonexistent exec %s -S %s \"$@\"\n",
			shQuote(python), shQuote(filepath.Join(dir, "mod_wsgi_express.py"))), 0o755),
	)
}

// interpreter returns the path of the Python binary, because python on PATH may be a slow wrapper
// script, such as pyenv's.
func interpreter(python string) (string, error) {
	found, err := exec.LookPath(python)
	if err != nil {
		return "", fmt.Errorf("the lab's tools need %s: install the Debian package python3: %w", python, err)
	}
	return Output(exec.Command(found, "-c", "import sys; print(sys.executable)"))
}

func writeTool(path, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the lab's tools: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return fmt.Errorf("write the lab's tools: %w", err)
	}
	return nil
}

// shQuote quotes a word for /bin/sh.
func shQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
