package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"runbook/runtime/event"
)

//go:embed page.html *.css *.js
var files embed.FS

// scripts are the parts of the page's script, in the order of their dependencies.
var scripts = []string{"model.js", "view.js", "keys.js", "panel.js", "main.js"}

// styles are the parts of the page's style.
var styles = []string{"page.css", "chart.css"}

// Options are what a page shows in addition to the run's events. The zero value is valid.
type Options struct {
	ID       string  // the run's ID in the journal
	Previous *Report // the run to compare with
}

// Write writes the page to w.
func (r *Report) Write(w io.Writer, opts Options) error {
	script, style, err := assets()
	if err != nil {
		return err
	}
	page, err := template.New("page.html").ParseFS(files, "page.html")
	if err != nil {
		return fmt.Errorf("report template: %w", err)
	}
	sum := sha256.Sum256([]byte(script))
	return page.Execute(w, struct {
		view
		Style  template.CSS
		Script template.JS
		Policy string
	}{r.view(opts), template.CSS(style), template.JS(script),
		"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'"})
}

// assets returns the page's script and style.
func assets() (script, style string, err error) {
	var b bytes.Buffer
	b.WriteString("'use strict';\n(() => {\n")
	for _, name := range scripts {
		part, err := files.ReadFile(name)
		if err != nil {
			return "", "", err
		}
		b.Write(part)
	}
	b.WriteString("})();\n")
	script = b.String()
	b.Reset()
	for _, name := range styles {
		part, err := files.ReadFile(name)
		if err != nil {
			return "", "", err
		}
		b.Write(part)
	}
	return script, b.String(), nil
}

// WriteFile writes the page to the file path, which it replaces atomically. Only the user can read
// it, as with the journal.
func (r *Report) WriteFile(path string, opts Options) error {
	err := r.writeFile(path, opts)
	if err != nil {
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}

func (r *Report) writeFile(path string, opts Options) error {
	var page bytes.Buffer
	if err := r.Write(&page, opts); err != nil {
		return err
	}
	// An unpredictable name, so that nobody can put a link there; its mode is 0600.
	part, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return err
	}
	_, err = part.Write(page.Bytes())
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

// temporary is the name pattern of temporary files.
const temporary = ".runbook-report-*"

// Writable checks that WriteFile can write path, before the run.
func Writable(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("report %s: is a folder", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return event.WithHint(fmt.Errorf("report %s: cannot be written: %w", path, err),
			"name a file in a folder that exists and is yours")
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// FileSink writes the page of a run to Path at the end of the run.
type FileSink struct {
	Report
	Path    string
	Options func() Options // called at the end
}

// Close writes the page.
func (s *FileSink) Close() error { return s.WriteFile(s.Path, s.Options()) }
