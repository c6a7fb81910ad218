package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script/source"
)

// maxDepth limits nested Includes, as in OpenSSH.
const maxDepth = 16

// include walks the files that an Include names. A missing file is skipped, and so is a folder, as
// in OpenSSH.
func (p *pass) include(d Directive, active bool, depth int) error {
	if depth+1 > maxDepth {
		return d.Errorf("files include each other more than %d deep: does one include itself?", maxDepth)
	}
	r := p.reader
	for _, arg := range d.Args {
		dir := filepath.Join(r.me.Home, ".ssh")
		if p.system {
			dir = r.me.System
			if strings.HasPrefix(arg, "~") {
				return d.Errorf("%q: a file of the system cannot include files of a user", arg)
			}
		}
		pattern, err := r.me.Path(dir, arg)
		if err != nil {
			continue // ~USER of an unknown user
		}
		files, err := r.glob(pattern)
		if err != nil {
			return d.Errorf("%q: %w", arg, err)
		}
		for _, file := range files {
			lines, err := r.load(file, true)
			if errors.Is(err, errFolder) || errors.Is(err, fs.ErrNotExist) { // the second is a dangling link
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", d.At(), err)
			}
			if err := p.walk(lines, active, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

var errFolder = errors.New("is a folder")

// readFile reads an ssh_config file. A private one is an error if others can write to it.
func readFile(path string, private bool) ([]byte, error) {
	return source.ReadChecked(path, func(info fs.FileInfo) error {
		if private {
			if err := checkOwner(path, info); err != nil {
				return err
			}
			if info.IsDir() {
				return errFolder
			}
		}
		return nil
	})
}

// unsafeFile is the error of a file that others can write to.
func unsafeFile(path, why string) error {
	return event.WithHint(fmt.Errorf("%s: %s", path, why),
		"ssh refuses such a file, too: chown it to yourself, and chmod go-w "+path)
}

// glob returns the files that match a pattern, in the order of their names, as glob(3) does:
// wildcards match no hidden file, and [!a] is the opposite of [a].
func glob(pattern string) ([]string, error) {
	found := []string{string(filepath.Separator)}
	if volume := filepath.VolumeName(pattern); volume != "" {
		found, pattern = []string{volume + found[0]}, pattern[len(volume):]
	}
	for part := range strings.SplitSeq(strings.Trim(filepath.ToSlash(pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			names, err := globFolder(dir, part)
			if err != nil {
				return nil, err
			}
			next = append(next, names...)
		}
		found = next
	}
	return found, nil
}

// globFolder returns the entries of a folder that match one part of a pattern.
func globFolder(dir, part string) ([]string, error) {
	if !strings.ContainsAny(part, "*?[\\") {
		path := filepath.Join(dir, part)
		if _, err := os.Lstat(path); err != nil {
			return nil, nil
		}
		return []string{path}, nil
	}
	part = strings.ReplaceAll(part, "[!", "[^")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil // no folder, or none that this user may read, as in glob(3)
	}
	var found []string
	for _, e := range entries {
		ok, err := filepath.Match(part, e.Name())
		if err != nil {
			return nil, err
		}
		if ok && (e.Name()[0] != '.' || part[0] == '.') {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}
