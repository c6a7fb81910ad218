package lab

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed standin/*.py
var standin embed.FS

const (
	// The local version after + marks the stand-in. A requirement without it matches, too.
	modWSGIVersion     = "6.0.5+standin"
	modWSGIRequirement = "mod_wsgi==6.0.5"
)

// writeWheels writes the wheels that pip needs for the application.
func writeWheels(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the wheels: %w", err)
	}
	for _, version := range []string{"1.0", "2.0", "3.0"} {
		files := []entry{{"greeting/__init__.py", fmt.Sprintf("VERSION = %q\n", version)}}
		if err := writeWheel(dir, "greeting", version, "", files); err != nil {
			return err
		}
	}
	var programs []entry
	for _, name := range []string{"mod_wsgi_express.py", "mod_wsgi_wsgiref.py"} {
		content, err := standin.ReadFile("standin/" + name)
		if err != nil {
			return fmt.Errorf("write the wheels: %w", err)
		}
		programs = append(programs, entry{name, string(content)})
	}
	return writeWheel(dir, "mod_wsgi", modWSGIVersion, "mod_wsgi-express = mod_wsgi_express:main", programs)
}

// entry is a file of a wheel.
type entry struct{ name, content string }

// writeWheel writes a pure-Python wheel. script is the line of a console script, or "".
func writeWheel(dir, name, version, script string, files []entry) error {
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	files = append(files,
		entry{info + "METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)},
		entry{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"})
	if script != "" {
		files = append(files, entry{info + "entry_points.txt", "[console_scripts]\n" + script + "\n"})
	}
	var record strings.Builder
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.content))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.content))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	files = append(files, entry{info + "RECORD", record.String()})

	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, f := range files {
		// A fixed date makes the wheels reproducible.
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate,
			Modified: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
		header.SetMode(0o644)
		into, err := archive.CreateHeader(header)
		if err != nil {
			return fmt.Errorf("wheel %s %s: %w", name, version, err)
		}
		if _, err := into.Write([]byte(f.content)); err != nil {
			return fmt.Errorf("wheel %s %s: %w", name, version, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("wheel %s %s: %w", name, version, err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%s-py3-none-any.whl", name, version))
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the wheel: %w", err)
	}
	return nil
}
