package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/lab"
)

// block is one fenced block of the README. Its info string says what becomes of it here:
//
//	sh                     run in the project that `runbook init` wrote
//	sh setup, sh build     the commands before there is a project: the CI script must run them
//	lua FILE               written to FILE of the project
//	lua part of FILE       lines that stand in FILE as it is shipped
//	lua into FILE after L  written into FILE of the project, behind its line L
//	yaml FILE              a workflow of GitHub Actions, whose commands are run as there
//	text                   not run
type block struct {
	line       int
	info, text string
}

func readmeBlocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var open *block
	for i, line := range strings.Split(string(text), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{line: i + 1, info: info}
		case fence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("README.md:%d: the block never ends", open.line)
	}
	return blocks
}

// TestReadme runs every block of the README as a newcomer would, from top to bottom, against two throwaway hosts.
func TestReadme(t *testing.T) {
	l, err := lab.Start("", "web1", "web2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	env := readmeEnvironment(t, l, dir)
	project := filepath.Join(dir, "mysite")
	ran := 0
	for _, b := range readmeBlocks(t) {
		kind, rest, _ := strings.Cut(b.info, " ")
		switch {
		case kind == "text":
		case kind == "sh" && rest != "":
			inCI(t, b)
		case kind == "sh":
			in := project
			if _, err := os.Stat(project); err != nil {
				in = dir
			}
			bash(t, b, in, env)
			ran++
		case kind == "lua" && strings.HasPrefix(rest, "part of "):
			partOf(t, b, filepath.Join(project, strings.TrimPrefix(rest, "part of ")))
		case kind == "lua" && strings.HasPrefix(rest, "into "):
			insertBlock(t, b, project, strings.TrimPrefix(rest, "into "))
		case kind == "lua" && rest != "":
			writeBlock(t, b, filepath.Join(project, rest), l, env)
		case kind == "yaml":
			workflow(t, b, project, env)
		default:
			t.Errorf("README.md:%d: a block must say what it is, got %q", b.line, b.info)
		}
	}
	if ran < 8 {
		t.Errorf("only %d blocks of commands were run", ran)
	}
}

// readmeEnvironment is the newcomer's: runbook on PATH, and by variables what they would write into app.lua.
func readmeEnvironment(t *testing.T, l *lab.Lab, dir string) []string {
	t.Helper()
	bin, home := filepath.Join(dir, "bin"), filepath.Join(dir, "home")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "runbook"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh/known_hosts"), known, 0o600); err != nil {
		t.Fatal(err)
	}
	const python = "/usr/bin/python3" // as app.lua has it; the one on PATH may be a shim that costs more than Python itself
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("%v: install the Debian packages python3 and python3-venv", err)
	}
	return append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "GITHUB_ACTIONS=", "GITLAB_CI=", "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1",
		"RUNBOOK_REPO="+l.RepoURL(), "RUNBOOK_KEY="+l.DeployKey(), "RUNBOOK_PYTHON="+python,
		"RUNBOOK_PIP_ARG=--no-index\n--find-links="+l.Wheels())
}

// inCI holds the commands that need the whole repository against the CI script, which runs them.
func inCI(t *testing.T, b block) {
	t.Helper()
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range strings.Split(strings.TrimSpace(b.text), "\n") {
		if !regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(command) + `( |$)`).Match(ci) {
			t.Errorf("README.md:%d: .ci/run does not run %q", b.line, command)
		}
	}
}

func bash(t *testing.T, b block, dir string, env []string) {
	t.Helper()
	c := exec.Command("bash", "-euo", "pipefail", "-c", b.text)
	c.Dir, c.Env = dir, env
	out, err := c.CombinedOutput()
	t.Logf("README.md:%d:\n%s\n%s", b.line, b.text, out)
	if err != nil {
		t.Fatalf("README.md:%d: %v", b.line, err)
	}
}

// workflow runs what a job's steps run, with the variables that GitHub sets.
func workflow(t *testing.T, b block, project string, env []string) {
	t.Helper()
	summary := filepath.Join(t.TempDir(), "summary")
	env = append(env, "CI=true", "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+project, "GITHUB_STEP_SUMMARY="+summary)
	for _, m := range regexp.MustCompile(`(?m)^ *- run: (.*)$`).FindAllStringSubmatch(b.text, -1) {
		bash(t, block{b.line, "sh", m[1]}, project, env)
	}
	text, err := os.ReadFile(summary)
	if err != nil || !strings.Contains(string(text), "| web1 | released |") {
		t.Errorf("README.md:%d: the summary is %v\n%s", b.line, err, text)
	}
}

// partOf holds the lines of a block against a shipped file, comments aside.
func partOf(t *testing.T, b block, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
		if !strings.Contains(string(text), strings.TrimSpace(line)) {
			t.Errorf("README.md:%d: %s has no %q", b.line, path, line)
		}
	}
}

// insertBlock edits a file as the README says: FILE after LINE.
func insertBlock(t *testing.T, b block, project, where string) {
	t.Helper()
	file, line, _ := strings.Cut(where, " after ")
	path := filepath.Join(project, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), "\n"+line+"\n")
	if !found {
		t.Fatalf("README.md:%d: %s has no line %q", b.line, file, line)
	}
	if err := os.WriteFile(path, []byte(before+"\n"+line+"\n"+b.text+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeBlock writes a file as the README shows it. A hosts file's addresses are for documentation and lead nowhere, so it
// is read, and then the lab's takes its place, with the README's names and vars.
func writeBlock(t *testing.T, b block, path string, l *lab.Lab, env []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(b.text), 0o644); err != nil {
		t.Fatal(err)
	}
	if filepath.Base(filepath.Dir(path)) != "hosts" {
		return
	}
	bash(t, block{b.line, "sh", fmt.Sprintf("runbook hosts --hosts '%s' | grep 192.0.2.12", path)}, filepath.Dir(path), env)
	labs, err := os.ReadFile(l.HostsFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, labs, 0o644); err != nil {
		t.Fatal(err)
	}
}
