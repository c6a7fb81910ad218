package lab

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Branch is the branch that a lab's application is released from.
const Branch = "release"

//go:embed app
var application embed.FS

// Repo is the application's repository.
type Repo struct {
	Work string // the work tree for commits
	Bare string // the bare repository that the git server serves

	program string
	mu      sync.Mutex
	commits int
}

// newRepo creates both repositories without a commit.
func newRepo(work, bare string) (*Repo, error) {
	program, err := findGit()
	if err != nil {
		return nil, err
	}
	r := &Repo{Work: work, Bare: bare, program: program}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("create the repository: %w", err)
	}
	for _, step := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch", Branch, bare},
		{"init", "--quiet", "--initial-branch", Branch, work},
		{"-C", work, "remote", "add", "origin", bare},
	} {
		if _, err := r.git(step...); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// newApplication creates both repositories and commits the application.
func newApplication(work, bare string) (*Repo, error) {
	r, err := newRepo(work, bare)
	if err != nil {
		return nil, err
	}
	files, err := applicationFiles()
	if err != nil {
		return nil, err
	}
	_, err = r.CommitFiles("greeting 1.0", files)
	return r, err
}

// applicationFiles returns the files of the first commit by path.
func applicationFiles() (map[string]string, error) {
	files := map[string]string{"requirements.txt": requirements("1.0")}
	err := fs.WalkDir(application, "app", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := application.ReadFile(path)
		files[strings.TrimPrefix(path, "app/")] = string(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the application: %w", err)
	}
	return files, nil
}

// requirements returns the application's requirements.txt.
func requirements(version string) string {
	return "greeting==" + version + "\n" + modWSGIRequirement + "\n"
}

// Commit requires a version of greeting (the wheels have 1.0, 2.0 and 3.0), and pushes that to the
// branch. It returns the new commit, 40 hex digits. The same version can be committed again.
func (r *Repo) Commit(version string) (string, error) {
	return r.CommitFiles("greeting "+version, map[string]string{"requirements.txt": requirements(version)})
}

// CommitFiles writes files (contents by slash-separated path), commits them and pushes to the
// branch. It returns the new commit, 40 hex digits.
func (r *Repo) CommitFiles(message string, files map[string]string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commits++
	for _, path := range slices.Sorted(maps.Keys(files)) {
		target := filepath.Join(r.Work, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", fmt.Errorf("commit %s: %w", message, err)
		}
		if err := os.WriteFile(target, []byte(files[path]), 0o644); err != nil {
			return "", fmt.Errorf("commit %s: %w", message, err)
		}
	}
	for _, step := range [][]string{
		{"-C", r.Work, "add", "--all"},
		// Committing the same version twice changes no file.
		{"-C", r.Work, "commit", "--quiet", "--allow-empty", "--message", message},
		{"-C", r.Work, "push", "--quiet", "origin", Branch},
	} {
		if _, err := r.git(step...); err != nil {
			return "", err
		}
	}
	return r.git("-C", r.Work, "rev-parse", "HEAD")
}

// Head returns the last commit of the branch, 40 hex digits.
func (r *Repo) Head() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.git("-C", r.Work, "rev-parse", "HEAD")
}

// git runs git without the user's settings and returns its output, trimmed.
func (r *Repo) git(args ...string) (string, error) {
	cmd := exec.Command(r.program, args...)
	// Fixed dates make the hashes depend only on what is committed, and in which order.
	date := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).Add(time.Duration(r.commits) * time.Hour).Format(time.RFC3339)
	cmd.Env = append(gitEnvironment(), "HOME="+filepath.Dir(r.Work),
		"GIT_AUTHOR_NAME=Lab", "GIT_AUTHOR_EMAIL=lab@localhost", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=Lab", "GIT_COMMITTER_EMAIL=lab@localhost", "GIT_COMMITTER_DATE="+date,
	)
	return Output(cmd)
}

// gitEnvironment returns an environment in which git ignores the settings of the user and of the
// system.
func gitEnvironment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
	}
}
