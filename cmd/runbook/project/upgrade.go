package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// Upgrade brings the files of a project that runbook wrote up to this version, and shows what it
// did. It compares each file of the project with the newer version and with what runbook wrote
// last: it merges the changes of both sides. If both changed the same lines, the file stays as it
// is, a file next to it has both versions, and that is an error.
func Upgrade(ctx context.Context, out io.Writer, dir string) error {
	changes, err := upgrade(ctx, dir)
	var conflicts []string
	for _, c := range changes {
		if _, err := fmt.Fprintf(out, "%-8s  %s\n%s", c.did, c.path, c.diff); err != nil {
			return err
		}
		if c.did == conflicting {
			conflicts = append(conflicts, fmt.Sprintf("%s is unchanged: %s. Both are in %s.", c.path, c.reason,
				c.path+mergeEnding))
		}
	}
	next := "next: runbook check recipes/*.lua"
	switch {
	case err != nil:
		return err
	case len(conflicts) > 0:
		return event.WithHint(fmt.Errorf("files that could not be merged:\n%s", strings.Join(conflicts, "\n")),
			"edit each file, remove its .merge, and run runbook init --upgrade again")
	case len(changes) == 0:
		next = "nothing to do: the project's files are those of this version, or changed only by you"
	}
	_, err = fmt.Fprintln(out, next)
	return err
}

// change records the upgrade of one file.
type change struct {
	path   string // within the project's folder
	did    action
	diff   string // of the change, or in a conflict to the newer version
	reason string // of a conflict
}

// action names the outcome of one file.
type action string

// The actions.
const (
	added       action = "added"
	updated     action = "updated"  // it was unchanged since an earlier runbook wrote it
	merged      action = "merged"   // it has the changes of both
	kept        action = "kept"     // its origin is unknown
	removed     action = "left out" // the admin removed it
	conflicting action = "conflict" // the file stays as it is
)

// mergeEnding ends the name of the file that a conflict leaves beside the project's own.
const mergeEnding = ".merge"

// upgrade is Upgrade without output. It returns what it did with the files that differ.
func upgrade(ctx context.Context, dir string) ([]change, error) {
	if err := checkProject(dir); err != nil {
		return nil, err
	}
	files, err := shipped()
	if err != nil {
		return nil, err
	}
	ejected, err := findEjected(dir, files)
	if err != nil {
		return nil, err
	}
	files = append(files, ejected...)
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.path+mergeEnding)); err == nil {
			return nil, run.Usage(event.WithHint(fmt.Errorf("%s is left of an earlier upgrade", f.path+mergeEnding),
				"take over into "+f.path+" what you need, remove it, and upgrade again"))
		}
	}
	var changes []change
	for _, f := range files {
		c, err := f.upgrade(ctx, dir)
		if err != nil {
			return changes, err
		}
		if c.did != "" {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// findEjected returns the newer versions of the files that were copied into the project by Eject.
func findEjected(dir string, known []file) (found []file, err error) {
	all, err := ejectable()
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		_, err := os.Lstat(filepath.Join(dir, recorded, f.path))
		if err == nil && !slices.ContainsFunc(known, func(k file) bool { return k.path == f.path }) {
			found = append(found, f)
		}
	}
	return found, nil
}

// upgrade brings one file up to date. The change has no action if it already was.
func (f file) upgrade(ctx context.Context, dir string) (change, error) {
	target := filepath.Join(dir, f.path)
	mine, mineErr := readOptional(target)
	base, baseErr := readOptional(filepath.Join(dir, recorded, f.path))
	if err := errors.Join(mineErr, baseErr); err != nil {
		return change{}, err
	}
	c := change{path: f.path}
	switch {
	case mine == nil && base != nil:
		c.did = removed
		return c, nil
	case mine != nil && bytes.Equal(mine, f.content):
		return c, f.record(dir)
	case mine != nil && base == nil:
		c.did, c.diff = kept, f.diff(mine, f.content)
		return c, nil
	case mine != nil && bytes.Equal(base, f.content): // only the admin changed it
		return c, nil
	case mine != nil && !bytes.Equal(mine, base) && path.Dir(filepath.ToSlash(f.path)) == "hosts":
		return c, f.record(dir) // the hosts file was an example; now it names the admin's own servers
	}
	result := f.content
	switch {
	case mine == nil:
		c.did = added
	case bytes.Equal(mine, base):
		c.did, c.diff = updated, f.diff(mine, f.content)
	default:
		both, conflict, err := merge(ctx, mine, base, f.content)
		if err != nil {
			return c, err
		}
		if conflict != "" {
			c.did, c.reason, c.diff = conflicting, conflict, f.diff(mine, f.content)
			return c, writeNew(target+mergeEnding, both)
		}
		c.did, c.diff, result = merged, f.diff(mine, both), both
	}
	return c, errors.Join(replace(target, result), f.record(dir))
}

// diff returns the difference between two versions of the file. It is "" for files that only
// editors read: nobody wrote those by hand.
func (f file) diff(from, to []byte) string {
	if strings.HasPrefix(filepath.ToSlash(f.path), "recipes/meta/") || f.path == ".luacheckrc" {
		return ""
	}
	_, hunks, _ := strings.Cut(string(diff.Diff(f.path, from, f.path, to)), "\n") // without "diff PATH PATH"
	return event.Clean(hunks)
}

// merge merges the changes from base to mine with those from base to theirs. In a conflict, which a
// person must resolve, conflict says why and merged has both versions.
//
// It uses git merge-file: https://git-scm.com/docs/git-merge-file.
func merge(ctx context.Context, mine, base, theirs []byte) (merged []byte, conflict string, err error) {
	dir, err := os.MkdirTemp("", "runbook-merge-")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args := []string{"merge-file", "-p", "--diff3", "-L", "yours", "-L", "earlier", "-L", "newer"}
	for name, text := range map[string][]byte{"1": mine, "2": base, "3": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, "", err
		}
	}
	git := exec.CommandContext(ctx, "git", append(args, "1", "2", "3")...)
	git.Dir = dir
	merged, err = git.Output()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return theirs, "git is not installed here, which merges", nil
	case exited && exit.ExitCode() > 0 && exit.ExitCode() < 128: // the number of conflicts
		return merged, "you and the newer version changed the same lines", nil
	case err != nil:
		return nil, "", fmt.Errorf("git merge-file: %w", err)
	}
	return merged, "", nil
}

// checkProject returns an error for a folder without recipes/.
func checkProject(dir string) error {
	if info, err := os.Stat(filepath.Join(dir, Folder)); err != nil || !info.IsDir() {
		return run.Usage(event.WithHint(fmt.Errorf("%s is not a project: it has no folder recipes", dir),
			"change to the folder of a project, or write one: runbook init"))
	}
	return nil
}

// readOptional reads a file. Its content is nil where there is none.
func readOptional(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case text == nil:
		text = []byte{}
	}
	return text, nil
}

// replace writes a file atomically.
func replace(path string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".runbook-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
