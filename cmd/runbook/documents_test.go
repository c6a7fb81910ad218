package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// TestDocuments runs every block of every Markdown file as a reader would, from top to bottom,
// against two throwaway hosts. The README starts without a project. In the other files each "## "
// section starts with a new one, because a reader may look up that section alone.
//
// The info string of a block says how it is tested:
//
//	sh                      run in bash; the next block has its working directory and PATH
//	sh setup                needs the whole repository, so .ci/run must contain each line
//	sh build                run at the top of the repository
//	sh FILE                 written to FILE, which bash must be able to parse
//	lua FILE, json FILE     written to FILE
//	lua in FILE             keys added to the end of the table that FILE returns, which is checked
//	lua part of FILE        lines that the shipped FILE contains
//	lua into FILE after L   inserted into FILE after its line L
//	yaml FILE               a pipeline; its commands are run with the variables of that service
//	text from COMMAND       lines that COMMAND prints, with any exit status; … is any text
//	text                    not run
func TestDocuments(t *testing.T) {
	t.Parallel()
	program, err := buildShipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range documents(t) {
		t.Run(strings.ReplaceAll(path, "/", ":"), func(t *testing.T) {
			if path != "recipes/COOKBOOK.md" { // it takes longest, so it begins before the others
				t.Parallel()
			}
			sections := readDocument(t, path)
			r := &reader{t: t, document: path}
			for i, section := range sections {
				if len(section.blocks) == 0 {
					continue
				}
				if path != "README.md" || r.lab == nil {
					r.start(fmt.Sprint(i), filepath.Dir(program))
				}
				for _, b := range section.blocks {
					r.try(b)
				}
				r.tryRecipe(section)
			}
		})
	}
}

// reader follows one document: it types the commands and edits the files.
type reader struct {
	t        *testing.T
	document string
	lab      *labtest.Lab
	scratch  string // holds the projects and the shell's state
	dir      string // working directory
	path     string // PATH
	env      []string
}

// start gives the reader a lab, once, and a project of their own. A reader of the README has none
// yet, and no runbook.
func (r *reader) start(name, bin string) {
	r.t.Helper()
	if r.lab == nil {
		r.setUp()
	}
	r.dir = filepath.Join(r.scratch, name)
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.path = os.Getenv("PATH")
	if r.document == "README.md" {
		return
	}
	r.path = bin + ":" + r.path
	r.bash(block{info: "sh", text: "runbook init . >/dev/null"}, r.dir)
	r.copy(r.lab.HostsFile(), "hosts/production.lua")
}

func (r *reader) setUp() {
	r.t.Helper()
	l := labtest.StartWithGit(r.t, "web1", "web2")
	r.lab, r.scratch = l, r.t.TempDir()
	home := filepath.Join(r.scratch, "home")
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.copy(l.KnownHosts(), filepath.Join(home, ".ssh/known_hosts"))
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		r.t.Fatal(err)
	}
	cache := strings.Fields(string(caches))
	commit := r.addBranch("main")
	r.env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "GITHUB_ACTIONS=", "GITLAB_CI=", "NO_COLOR=1",
		"GOFLAGS=-buildvcs=false "+os.Getenv("GOFLAGS"), "GOCACHE="+cache[0], "GOMODCACHE="+cache[1],
		"RUNBOOK_REPO="+l.RepoURL(), "RUNBOOK_KEY="+l.DeployKey(),
		"RUNBOOK_PIP_ARG=--no-index\n--find-links="+l.Wheels(),
		"COMMIT="+commit, "HEAD_SHA="+commit, "GITHUB_SHA="+commit, "CI_COMMIT_SHA="+commit, "BITBUCKET_COMMIT="+commit,
		"DATABASE_URL=sqlite:///app.db", "PYPI_LOGIN=reader:s3cret", "GIT_TOKEN=t0ken")
	tools, err := l.Tools("python3")
	if err != nil {
		r.t.Fatal(err)
	}
	r.env = append(r.env, "RUNBOOK_PYTHON="+tools.Python, "RUNBOOK_MOD_WSGI_EXPRESS="+tools.ModWSGIExpress)
}

// addBranch adds a branch to the lab's repository, and returns its commit.
func (r *reader) addBranch(name string) string {
	r.t.Helper()
	repo, err := r.lab.Repo()
	if err != nil {
		r.t.Fatal(err)
	}
	commit, err := repo.Head()
	if err != nil {
		r.t.Fatal(err)
	}
	if out, err := exec.Command("git", "--git-dir", repo.Bare, "branch", name, commit).CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return commit
}

// try tests one block, by its info string.
func (r *reader) try(b block) {
	r.t.Helper()
	kind, rest, _ := strings.Cut(b.info, " ")
	how, argument, _ := strings.Cut(rest, " ")
	switch {
	case b.info == "text":
	case kind == "text" && how == "from":
		r.compareOutput(b, argument)
	case b.info == "sh":
		r.bash(b, r.dir)
	case b.info == "sh setup":
		r.compareCI(b)
	case b.info == "sh build":
		dir := r.dir
		r.bash(b, filepath.Join("..", ".."))
		r.dir = dir
	case kind == "sh" && rest != "":
		r.save(rest, b.text)
		r.bash(block{b.place, "sh", "bash -n " + rest}, r.dir)
	case kind == "lua" && how == "in":
		r.addKeys(b, argument)
	case kind == "lua" && strings.HasPrefix(rest, "part of "):
		r.compareShipped(b, strings.TrimPrefix(rest, "part of "))
	case kind == "lua" && how == "into":
		r.insert(b, argument)
	case kind == "lua" && rest != "":
		r.write(b, rest)
	case kind == "json" && rest != "":
		r.save(rest, b.text)
	case kind == "yaml" && rest != "":
		r.pipeline(b, rest)
	default:
		r.t.Errorf("%s: a block must say how it is tested, got %q", b, b.info)
	}
}

// bash runs a block, and keeps the working directory and PATH that it ends with.
func (r *reader) bash(b block, dir string, more ...string) {
	r.t.Helper()
	state := filepath.Join(r.scratch, "state")
	c := exec.Command("bash", "-euo", "pipefail", "-c",
		`trap 'printf "%s\n%s\n" "$PWD" "$PATH" > "$STATE"' EXIT`+"\n"+b.text)
	c.Dir, c.Env = dir, slices.Concat(r.env, more, []string{"PATH=" + r.path, "STATE=" + state})
	out, err := c.CombinedOutput()
	r.t.Logf("%s:\n%s\n%s", b, b.text, out)
	if err != nil {
		r.t.Fatalf("%s: %v", b, err)
	}
	after, err := os.ReadFile(state)
	if err != nil {
		r.t.Fatal(err)
	}
	r.dir, r.path, _ = strings.Cut(strings.TrimSuffix(string(after), "\n"), "\n")
}

// compareOutput runs a command that may fail, and expects each line of the block in its output.
func (r *reader) compareOutput(b block, command string) {
	r.t.Helper()
	c := exec.Command("bash", "-c", command)
	c.Dir, c.Env = r.dir, append(slices.Clone(r.env), "PATH="+r.path)
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		r.t.Fatalf("%s: %v", b, err)
	}
	for line := range strings.Lines(b.text) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*")
		if !regexp.MustCompile(pattern).Match(out) {
			r.t.Errorf("%s: %s prints no line %q:\n%s", b, command, strings.TrimSpace(line), out)
		}
	}
}

// compareCI expects the commands that need the whole repository in the CI script, which runs them.
func (r *reader) compareCI(b block) {
	r.t.Helper()
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(b.text) {
		if !regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(strings.TrimSpace(line)) + `( |$)`).Match(ci) {
			r.t.Errorf("%s: .ci/run does not run %q", b, strings.TrimSpace(line))
		}
	}
}
