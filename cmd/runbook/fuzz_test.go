//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/console"
	"runbook/runtime/event"
)

// readRelease is Lua that defines read, which reads the files of a host as rollback and status do,
// and asserts what they rely on.
const readRelease = `
local helpers = require "helpers"
local releases = require "releases"
local history = releases.history

local options = recipe { options = { root = { "ROOT", "" }, release = { "", "" }, restart = { "none", "" } } }
local paths = releases.paths(options)

local read = function()
  local found = releases.look(localhost, paths)
  for _, release in ipairs(found.list) do
    assert(releases.is_name(release.name))
    assert(not release.complete or #release.marker.revision:sub(1, 10) >= 0)
    assert(type(helpers.elapsed(release.marker.at)) == "string")
  end
  assert(found.by_name.sound.complete)
  local entries = found.entries
  for _, entry in ipairs(entries) do
    assert(#entry.action .. #entry.release .. #entry.from ~= "")
  end
  for name in pairs(history.failed(entries)) do
    assert(type(name) == "string")
  end
  local last = history.last(entries)
  assert(not last or #last.release >= 0)
  local release, problem = releases.choose(paths, found, options.release)
  if release then
    assert(found.by_name[release.name].complete)
    assert(localhost:capture({ "echo", release.name, release.marker.revision, release.marker.python or "" }))
  else
    assert(#problem[1] > 0 and #problem[2] > 0)
  end
end
`

// readsReleases returns a console in which read is defined, for a root folder.
func readsReleases(f *testing.F, root string) *console.Console {
	dir := f.TempDir()
	if status, said := runHere("init", dir); status != 0 {
		f.Fatal(said)
	}
	api, err := recipetest.API()
	if err != nil {
		f.Fatal(err)
	}
	c, err := console.New(f.Context(), console.Options{Dir: filepath.Join(dir, "recipes"), Files: api.Sources,
		Sink: ignore{}, Secrets: event.NewStream()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := c.Close(nil); err != nil {
			f.Error(err)
		}
	})
	if _, err := c.Run(f.Context(), f.Context(), strings.Replace(readRelease, "ROOT", root, 1)); err != nil {
		f.Fatal(err)
	}
	return c
}

// ignore is a sink that drops all events.
type ignore struct{}

func (ignore) Event(event.Event) {}
func (ignore) Close() error      { return nil }

// FuzzFilesOfOthers writes arbitrary text into a release's .runbook.json and releases.log: it is
// read or skipped, and never ends a run.
func FuzzFilesOfOthers(f *testing.F) {
	root := filepath.Join(f.TempDir(), "app")
	console := readsReleases(f, root)
	for _, name := range []string{"odd", "sound", "now"} {
		dir := filepath.Join(root, "releases", name)
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, ".git"), 0o755),
			os.MkdirAll(filepath.Join(dir, "venv/bin"), 0o755),
			os.Symlink("/bin/sh", filepath.Join(dir, "venv/bin/python"))); err != nil {
			f.Fatal(err)
		}
	}
	write := func(t testing.TB, name string, text []byte) {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(f, "releases/sound/.runbook.json",
		[]byte(`{"release":"sound","revision":"0123456789012345678901234567890123456789"}`))
	write(f, "releases/now/.runbook.json",
		[]byte(`{"release":"now","revision":"9876543210987654321098765432109876543210"}`))
	write(f, "releases/sound/.git/HEAD", []byte("0123456789012345678901234567890123456789\n"))
	write(f, "releases/now/.git/HEAD", []byte("9876543210987654321098765432109876543210\n"))
	if err := os.Symlink(filepath.Join(root, "releases", "now"), filepath.Join(root, "current")); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"release":"odd","revision":"01234567890123456789","at":"2026-01-05T12:00:00Z",`+
		`"python":"/usr/bin/python3"}`),
		[]byte(`{"at":"2026-01-05T12:00:00Z","by":"ada@x","action":"release","release":"now","revision":"98",`+
			`"from":"odd"}`+"\n"))
	f.Add([]byte(`{"revision":"x","at":[],"python":5}`),
		[]byte(`{"action":"restore","release":"","from":"now"}`+"\n"+`{"action":"rollback","release":"now","from":{}}`))
	f.Add([]byte(`{"revision":"x","at":1,"python":{}}`), []byte(`{"action":"rollback","release":"now","from":"odd"}`))
	f.Add([]byte(`[1e999]`), []byte("half a line {\n[]\n\"x\"\nnull\n"))
	f.Add([]byte{0xff, 0, '\t', '\n'}, []byte{0, 0xff})
	f.Fuzz(func(t *testing.T, marker, log []byte) {
		write(t, "releases/odd/.runbook.json", marker)
		write(t, "releases.log", log)
		if _, err := console.Run(t.Context(), t.Context(), "read()"); err != nil {
			t.Error(err)
		}
	})
}
