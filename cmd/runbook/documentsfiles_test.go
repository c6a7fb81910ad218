package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// block is one fenced block of a document.
type block struct {
	place      string // file and line
	info, text string
}

func (b block) String() string { return b.place }

// section is a part of a document below one heading of the second level.
type section struct {
	title  string
	blocks []block
}

// documents lists the Markdown files of the repository. recipes/meta/API.md is derived, and has a
// test of its own.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "testdata" || name == ".git" || name == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md" && name != "API.md":
			relative, err := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readDocument(t *testing.T, path string) []section {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	sections := []section{{}}
	var open *block
	for i, line := range strings.Split(string(text), "\n") {
		last := &sections[len(sections)-1]
		info, fence := strings.CutPrefix(line, "```")
		title, heading := strings.CutPrefix(line, "## ")
		switch {
		case fence && open == nil:
			open = &block{place: fmt.Sprintf("%s:%d", path, i+1), info: info}
		case fence:
			last.blocks, open = append(last.blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		case heading:
			sections = append(sections, section{title: title})
		}
	}
	if open != nil {
		t.Fatalf("%s: the block never ends", open)
	}
	return sections
}

// write writes a file as the document shows it. A hosts file has example addresses, so runbook only
// lists its hosts, and then the lab's hosts file replaces it.
func (r *reader) write(b block, path string) {
	r.t.Helper()
	r.save(path, b.text)
	if filepath.Dir(path) != "hosts" {
		return
	}
	address := regexp.MustCompile(`192\.0\.2\.\d+|i-[0-9a-f]{17}`).FindString(b.text) // or an instance's name
	r.bash(block{b.place, "sh", "runbook hosts --hosts " + path + " | grep -F " + address}, r.dir)
	r.copy(r.lab.HostsFile(), path)
}

// addKeys adds the lines of a block to the table that a file returns, and checks the file.
func (r *reader) addKeys(b block, path string) {
	r.t.Helper()
	text := r.read(path)
	body, found := strings.CutSuffix(text, "\n}\n")
	if !found {
		r.t.Fatalf("%s: %s does not end with }", b, path)
	}
	r.save(path, body+"\n"+b.text+"}\n")
	r.bash(block{b.place, "sh", "runbook check " + path}, r.dir)
}

// insert adds the lines of a block to a file: FILE after LINE.
func (r *reader) insert(b block, where string) {
	r.t.Helper()
	path, line, _ := strings.Cut(where, " after ")
	before, after, found := strings.Cut(r.read(path), "\n"+line+"\n")
	if !found {
		r.t.Fatalf("%s: %s has no line %q", b, path, line)
	}
	r.save(path, before+"\n"+line+"\n"+b.text+after)
}

// compareShipped expects the lines of a block in a shipped file, commented out or not.
func (r *reader) compareShipped(b block, path string) {
	r.t.Helper()
	text := r.read(path)
	for line := range strings.Lines(b.text) {
		if !strings.Contains(text, strings.TrimSpace(line)) {
			r.t.Errorf("%s: %s has no %q", b, path, strings.TrimSpace(line))
		}
	}
}

// commands finds the commands of a pipeline: GitHub's "- run: COMMAND", and the items below
// "script:" of GitLab and Bitbucket.
var commands = regexp.MustCompile(`(?m)^ *- (?:run: )?(runbook .*)$`)

// pipeline runs the commands of a pipeline with the variables of its service, and checks the plan
// and the summary that the service shows.
func (r *reader) pipeline(b block, path string) {
	r.t.Helper()
	summary := filepath.Join(r.scratch, "summary")
	env := []string{"CI=true", "RELEASE=run-1", "SHARD=1/1", "JOB=0", "CI_NODE_INDEX=1", "CI_NODE_TOTAL=1"}
	switch {
	case strings.HasPrefix(path, ".github/"):
		env = append(env, "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+r.dir, "GITHUB_STEP_SUMMARY="+summary)
	case path == ".gitlab-ci.yml":
		env = append(env, "GITLAB_CI=true", "CI_PROJECT_DIR="+r.dir)
	}
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(b.text), &parsed); err != nil {
		r.t.Errorf("%s: %v", b, err)
	}
	found := commands.FindAllStringSubmatch(b.text, -1)
	if len(found) != strings.Count(b.text, "runbook run")+strings.Count(b.text, "runbook report") {
		r.t.Errorf("%s: %d commands of runbook in the pipeline are found", b, len(found))
	}
	for _, m := range found {
		r.bash(block{b.place, "sh", m[1]}, r.dir, env...)
	}
	if strings.Contains(b.text, "--shard") {
		return // these runs print JSON
	}
	if plan := r.read("plan.md"); !strings.Contains(plan, "web1") || strings.Contains(plan, "released") {
		r.t.Errorf("%s: the plan is\n%s", b, plan)
	}
	if strings.HasPrefix(path, ".github/") {
		text, err := os.ReadFile(summary)
		if err != nil || !strings.Contains(string(text), "| web1 | released |") {
			r.t.Errorf("%s: the summary is %v\n%s", b, err, text)
		}
	}
}

// tryRecipe runs the recipe test of a section, testdata/documents/TITLE_test.lua, in the project
// that the section has made.
func (r *reader) tryRecipe(s section) {
	r.t.Helper()
	name := strings.Trim(regexp.MustCompile(`\W+`).ReplaceAllString(strings.ToLower(s.title), "_"), "_") + "_test.lua"
	shipped := filepath.Join("testdata", "documents", name)
	if _, err := os.Stat(shipped); err != nil {
		return
	}
	r.copy(shipped, filepath.Join("recipes", name))
	programs, err := filepath.Abs(filepath.Join("testdata", "documents", "bin"))
	if err != nil {
		r.t.Fatal(err)
	}
	path := r.path
	r.path = programs + ":" + path
	r.bash(block{shipped, "sh", "runbook test recipes/" + name}, r.dir)
	r.path = path
}

// TestLinks verifies that the file, and the heading, of each relative link exist. `runbook init`
// writes the documents below recipes without the rest of the repository, so these must not link to
// anything outside.
func TestLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, document := range documents(t) {
		text, err := os.ReadFile(filepath.Join("..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range links.FindAllStringSubmatch(string(text), -1) {
			target, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := filepath.Join(filepath.Dir(document), target)
			if target == "" {
				path = document
			}
			if strings.HasPrefix(document, "recipes/") && !strings.HasPrefix(filepath.ToSlash(path), "recipes/") {
				t.Errorf("%s links to %s, which runbook init does not write", document, m[1])
			}
			there, err := os.ReadFile(filepath.Join("..", "..", path))
			if info, statErr := os.Stat(filepath.Join("..", "..", path)); statErr != nil || err != nil &&
				!info.IsDir() {
				t.Errorf("%s links to %s: %v", document, m[1], statErr)
			} else if heading != "" && !hasHeading(string(there), heading) {
				t.Errorf("%s links to %s, which has no such heading", document, m[1])
			}
		}
	}
}

// TestDocumentsNameTheAPI verifies that the reference has each host function that a document names.
func TestDocumentsNameTheAPI(t *testing.T) {
	reference, err := os.ReadFile("../../recipes/meta/API.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)(?:^|[^\w@])(?:local)?(host(?:\.\w+)?:\w+)`) // not user@host:path
	for _, document := range documents(t) {
		text, err := os.ReadFile(filepath.Join("..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(reference), "### `"+m[1]+"(") {
				t.Errorf("%s names %s, which the API lacks", document, m[1])
			}
		}
	}
}

// hasHeading looks for a heading by the anchor that Git hosts give it.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title := strings.TrimSpace(strings.TrimLeft(line, "#"))
		if strings.HasPrefix(line, "#") {
			plain := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(title), "")
			if strings.ReplaceAll(plain, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}

func (r *reader) read(path string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, path))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func (r *reader) save(path, text string) {
	r.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) copy(from, to string) {
	r.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		r.t.Fatal(err)
	}
	r.save(to, string(text))
}
