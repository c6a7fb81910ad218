package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

// writeScripts returns a folder with the scripts of these tests.
func writeScripts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lib/look.sh": "#!/bin/sh\n# look around\nprintf '<%s>' \"$0\" \"$@\"; cat; pwd; echo \"$A\" >&2\n",
		"fail.sh":     "#!/bin/sh -e\n(exit 4)\necho not reached\n",
		"words.py":    "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:], 'it\\'s')\n",
		"which.py":    "import sys\nprint(sys.executable)\n",
		"plain.sh":    "echo plain\n",
		"crlf.sh":     "#!/bin/sh\r\nif true; then\r\n\techo \"$1\"\r\nfi\r\n",
		"table.awk":   "#!/usr/bin/awk -f\n",
		"words.pl":    "#!/usr/bin/perl -w\nprint join(',', @ARGV), \"\\n\";\n",
		"slow.sh":     "#!/bin/sh\nsleep 30\n",
		"large.sh":    "#!/bin/sh\n" + strings.Repeat("#\n", 70<<10),
		"just_fits.sh": "#!/bin/sh\n" + strings.Repeat("'", 20<<10) + "'\n'" + strings.Repeat("''", 40<<10) +
			"; echo fits\n",
		"lib/broken.sh": "#!/bin/sh\nif\n",
	} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// A script behaves the same on this machine and over SSH.
func TestScript(t *testing.T) {
	dir := writeScripts(t)
	onEach(t, func(t *testing.T, h *Host) {
		home := t.TempDir()
		must(t, luaOn(t, t.Context(), h, `
local r = host:script("look.sh", "a b", "it's $(x) \\", 7, { "", "-n" },
  { cwd = "`+home+`", stdin = "in ", env = { A = "x" } })
equal(r.stdout, "<look.sh><a b><it's $(x) \\><7><><-n>in `+home+`\n")
equal(r.stderr, "x\n") equal(r.code, 0)
equal(host:script("look.sh", { cwd = "/" }).stdout, "<look.sh>/\n")
equal(host:script("fail.sh", { check = false }).code, 4)
equal(host:script("crlf.sh", "a").stdout, "a\n")
equal(host:script("words.py", "a b", "-c").stdout, "['a b', '-c'] it's\n")
equal(host:script("words.pl", "-x", "b").stdout, "-x,b\n")
equal(host:script("plain.sh", { interpreter = "/bin/sh" }).stdout, "plain\n")
equal(host:script("just_fits.sh").stdout, "fits\n")
local python = host:capture("command -v python3")
equal(host:script("which.py", { interpreter = python }).code, 0)
equal(host:script("words.py", "x", { interpreter = python }).stdout, "['x'] it's\n")
equal(host:capture({ "ls", "-A", "`+home+`" }), "")
`, dir))
		for source, want := range map[string]string{
			`host:script("fail.sh", "x")`:                         "exited 4: fail.sh x",
			`host:script("plain.sh")`:                             "plain.sh: the first line must name the interpreter",
			`host:script("table.awk")`:                            "table.awk: cannot run scripts with /usr/bin/awk",
			`host:script("large.sh")`:                             "a script may have at most",
			`host:script("look.sh", "\0")`:                        "NUL byte",
			`host:script("look.sh", { max = 4 })`:                 "more than 4 bytes",
			`host:script("slow.sh", { timeout = "200ms" })`:       "took longer than 200ms and was ended: slow.sh",
			`host:script("broken.sh")`:                            "exited 2: broken.sh",
			`host:script("look.sh", { interpreter = "/no/sh" })`:  "exited 127: look.sh",
			`host:script("words.py", { interpreter = "/no/sh" })`: "exited 127: words.py",
		} {
			if err := luaOn(t, t.Context(), h, source, dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", source, err, want)
			}
		}
	})
}

// Events show the script's name and arguments, with secrets hidden, and never its text.
func TestScriptIsShownByName(t *testing.T) {
	dir := writeScripts(t)
	ctx, r := sshtest.Recording(t)
	h := newPoolTo(t, r.Stream, Options{}).Localhost()
	must(t, luaOn(t, ctx, h, `host:script("look.sh", "a b", "hunter22", { secret = { "hunter22" }, cwd = "/" })`, dir))
	var shown []string
	for _, e := range r.Events {
		if e.Kind == event.CommandBegun || e.Kind == event.CommandEnded {
			shown = append(shown, e.Text)
		}
	}
	want := "cd / && look.sh 'a b' "
	if len(shown) != 2 || !strings.HasPrefix(shown[0], want) || strings.Contains(shown[0], "hunter22") ||
		shown[0] != shown[1] {
		t.Errorf("shown as %q, want %q and a mark instead of the secret", shown, want)
	}
}

// A script is one command in the long-lived shell, without a session of its own.
func TestScriptNeedsNoSession(t *testing.T) {
	dir := writeScripts(t)
	s := sshtest.Start(t)
	h := newPool(t, Options{}).Host(s.Target(t))
	must(t, luaOn(t, t.Context(), h, `host:capture("true")`, dir))
	before := s.Sessions(t)
	must(t, luaOn(t, t.Context(), h, `
equal(host:script("words.py", "x").code, 0)
local shell = host:capture("echo $PPID")
equal(host:script("fail.sh", { check = false }).code, 4)
equal(host:capture("echo $PPID"), shell)
`, dir))
	if after := s.Sessions(t); after != before {
		t.Errorf("%d sessions of the server before, %d after", before, after)
	}
}
