package transfer

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// surveyScript lists what is at a path. It documents its output.
//
//go:embed survey.sh
var surveyScript string

// entry is a file, a folder or a link, described by what a copy must have in common with it.
type entry struct {
	kind byte // 'f', 'd' or 'l', as in find(1)
	mode fs.FileMode
	size int64
	link string // the target of a link
	sum  string // of a file, if it is known
}

// compare finds out which files of the upload the host has already, and shares them with the new
// folder. It returns false if the host has all.
func (u *upload) compare(info fs.FileInfo) (needed bool, err error) {
	mine := map[string]entry{"": {kind: 'f', mode: u.mode, size: info.Size()}}
	if u.folder {
		if mine, err = localEntries(u.from); err != nil {
			return false, err
		}
	}
	there, err := u.survey(mine)
	if err != nil {
		return false, err
	}
	switch {
	case there.kind == "folder" && !u.folder:
		return false, isFolder(u.to)
	case there.kind == "file" && u.folder:
		return false, isThere(u.to)
	case there.kind == "nothing":
		return true, nil
	case !u.folder:
		same, err := mine[""].matches(there.entries[""], u.from)
		return !same, err
	}
	return u.compareFolder(mine, there)
}

// localEntries returns what is in a folder of this machine by path, and the folder itself as "".
func localEntries(folder string) (map[string]entry, error) {
	entries := map[string]entry{}
	err := walk(folder, func(at, rel string, info fs.FileInfo) (err error) {
		e := entry{mode: info.Mode().Perm(), size: info.Size()}
		switch {
		case info.IsDir():
			e.kind = 'd'
		case info.Mode()&fs.ModeSymlink != 0:
			e.kind = 'l'
			e.link, err = os.Readlink(at)
		case info.Mode().IsRegular():
			e.kind = 'f'
		default:
			return unsupported(at)
		}
		entries[rel] = e
		return err
	})
	return entries, err
}

// survey asks the host what it has of mine.
func (u *upload) survey(mine map[string]entry) (*survey, error) {
	ctx, stop := context.WithCancelCause(u.ctx)
	defer stop(nil)
	s := newSurvey(u.to, mine)
	r, err := u.host.Run(ctx, shell.Command{
		Quiet: true, AnyStatus: true, Sudo: u.sudo, Resident: true,
		Argv: []string{"/bin/sh", "-c", surveyScript, "sh", path.Dir(u.to), path.Base(u.to)},
		Output: writerFunc(func(b []byte) (int, error) {
			n, err := s.Write(b)
			if err != nil {
				stop(err) // the rest is not needed
			}
			return n, err
		}),
	})
	switch {
	case s.err != nil:
		return nil, s.err
	case err != nil:
		return nil, err
	case r.Code != 0:
		return nil, event.WithHint(fmt.Errorf("the host could not list what it has: %s", reason(r)),
			"without changed all of it is sent")
	}
	return s, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// matches reports whether a copy of e, which is at a path of this machine, would equal there. It
// compares sums last.
func (e entry) matches(there entry, at string) (bool, error) {
	if e.kind != there.kind || e.kind == 'l' {
		return e.kind == there.kind && e.link == there.link, nil
	}
	if e.mode != there.mode || e.kind == 'd' {
		return e.mode == there.mode, nil
	}
	if e.size != there.size {
		return false, nil
	}
	f, err := os.Open(at)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // all is read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == there.sum, nil
}

// compareFolder finds the files that are the same in the folder on the host.
func (u *upload) compareFolder(mine map[string]entry, there *survey) (needed bool, err error) {
	u.replace, u.same = true, map[string]bool{}
	needed = there.count != len(mine)
	for rel, e := range mine {
		same, err := e.matches(there.entries[rel], filepath.Join(u.from, filepath.FromSlash(rel)))
		if err != nil {
			return false, err
		}
		needed = needed || !same
		if same && e.kind == 'f' {
			u.same[rel] = true
		}
	}
	if !needed {
		return false, nil
	}
	return true, u.linkSame()
}

// linkScript creates the new folder with hard links to files of the old one. It reads their paths
// from stdin.
const linkScript = `to=$1 tmp=$2
mkdir -m 700 -- "$tmp" && tmp=$(cd -- "$tmp" && pwd) && cd -- "$to" && xargs -0r cp -lP --parents -t "$tmp" --`

// linkSame shares the same files with the new folder. If the host cannot, without GNU cp or because
// a folder forbids writing, all files are sent.
func (u *upload) linkSame() error {
	var names strings.Builder
	for name := range u.same {
		names.WriteString(name + "\x00")
	}
	list := names.String()
	r, err := u.host.Run(u.ctx, shell.Command{Quiet: true, AnyStatus: true, Sudo: u.sudo, Stdin: &list,
		Argv: []string{"/bin/sh", "-c", linkScript, "sh", u.to, u.temporary}})
	if err == nil && r.Code == 0 {
		return nil
	}
	u.same = nil
	return u.discard(err)
}
