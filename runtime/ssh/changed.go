package ssh

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// thereScript tells what is at a path: its kind on a line; then of everything in a folder, or of the file, its type, mode, size, path and link target;
// and behind an empty record the sums of the files. NULs are between them, since names can have everything else.
const thereScript = `cd -- "$1" 2>/dev/null || { echo nothing; exit; }
at=./$2
if [ -d "$at" ] && [ ! -L "$at" ]; then echo folder; cd -- "$at" && at=. || exit
elif [ -e "$at" ] || [ -L "$at" ]; then echo file
else echo nothing; exit
fi
find "$at" -printf '%y %m %s %P\0%l\0' && printf '\0' && find "$at" -type f -exec sha256sum -z -- {} +
`

// thing is a file, a folder or a link, and what of it a copy must have, too.
type thing struct {
	kind byte // 'f', 'd' or 'l', as find(1) says it
	mode fs.FileMode
	size int64
	link string // where a link leads
	sum  string // of a file, when it is known
}

// compare finds out what of the upload is on the host already, and gives it to the new folder. It returns false when that is all.
func (u *upload) compare(info fs.FileInfo) (needed bool, err error) {
	mine := map[string]thing{"": {kind: 'f', mode: u.mode, size: info.Size()}}
	if u.folder {
		if mine, err = thingsIn(u.from); err != nil {
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
		same, err := mine[""].same(there.things[""], u.from)
		return !same, err
	}
	return u.compareFolder(mine, there)
}

// thingsIn is what is in a folder of this machine, and the folder itself as "".
func thingsIn(folder string) (map[string]thing, error) {
	things := map[string]thing{}
	err := walk(folder, func(at, rel string, info fs.FileInfo) (err error) {
		t := thing{mode: info.Mode().Perm(), size: info.Size()}
		switch {
		case info.IsDir():
			t.kind = 'd'
		case info.Mode()&fs.ModeSymlink != 0:
			t.kind = 'l'
			t.link, err = os.Readlink(at)
		case info.Mode().IsRegular():
			t.kind = 'f'
		default:
			return fmt.Errorf("%s is no file, folder or link", at)
		}
		things[rel] = t
		return err
	})
	return things, err
}

// survey asks the host what it has of mine.
func (u *upload) survey(mine map[string]thing) (*survey, error) {
	ctx, stop := context.WithCancelCause(u.ctx)
	defer stop(nil)
	s := newSurvey(u.to, mine)
	r, err := u.host.Run(ctx, Command{Quiet: true, AnyStatus: true, Argv: []string{"/bin/sh", "-c", thereScript, "sh", path.Dir(u.to), path.Base(u.to)},
		Output: writerFunc(func(b []byte) (int, error) {
			n, err := s.Write(b)
			if err != nil {
				stop(err) // nobody needs the rest
			}
			return n, err
		})})
	switch {
	case s.err != nil:
		return nil, s.err
	case err != nil:
		return nil, err
	case r.Code != 0:
		return nil, event.WithHint(fmt.Errorf("the host could not tell what it has: %s", scriptSaid(r)), "without changed all of it is sent")
	}
	return s, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// survey reads what thereScript prints. Of what this machine doesn't have, it keeps the number alone.
type survey struct {
	mine   map[string]thing
	budget *budget
	err    error // the first, which ended the reading

	kind   string // "nothing", "file" or "folder"
	things map[string]thing
	count  int // of all that is there

	read   func(record string) error // takes the next record
	end    byte                      // what ends it
	record []byte                    // what has come of it
	entry  string                    // the record that the next one, a link's target, belongs to
}

func newSurvey(what string, mine map[string]thing) *survey {
	s := &survey{mine: mine, budget: newBudget(what, 0), things: map[string]thing{}, end: '\n'}
	s.read = func(kind string) error {
		s.kind, s.read, s.end = kind, s.readEntry, 0
		return nil
	}
	return s
}

// Write reads the records that are complete.
func (s *survey) Write(b []byte) (int, error) {
	for rest := b; s.err == nil && len(rest) > 0; {
		record, behind, ended := bytes.Cut(rest, []byte{s.end})
		if s.record = append(s.record, record...); len(s.record) > longestWord+maxFields {
			s.err = &TooLongError{What: "a name in " + s.budget.what, Most: size(longestWord)}
		}
		if !ended || s.err != nil {
			break
		}
		whole := string(s.record)
		rest, s.record = behind, s.record[:0]
		s.err = s.read(whole)
	}
	return len(b), s.err
}

// maxFields is room for what a record has beside a name.
const maxFields = 100

// readEntry reads a type, mode, size and path. An empty record ends these.
func (s *survey) readEntry(record string) error {
	s.read = s.readLink
	if s.entry = record; record == "" {
		s.read = s.readSum
	}
	return nil
}

// readLink reads the target of the last entry, which is empty unless that is a link.
func (s *survey) readLink(link string) error {
	s.read = s.readEntry
	fields := strings.SplitN(s.entry, " ", 4)
	if len(fields) < 4 || len(fields[0]) != 1 {
		return fmt.Errorf("the host told of its files by %.200q", s.entry)
	}
	mode, err := strconv.ParseUint(fields[1], 8, 32)
	size, sizeErr := strconv.ParseInt(fields[2], 10, 64)
	if err := errors.Join(err, sizeErr); err != nil {
		return fmt.Errorf("the host told of its files by %.200q: %w", s.entry, err)
	}
	name := fields[3]
	if err := s.budget.name(name); err != nil {
		return err
	}
	s.count++
	if _, known := s.mine[name]; known {
		s.things[name] = thing{kind: fields[0][0], mode: fs.FileMode(mode), size: size, link: link}
	}
	return nil
}

// readSum reads a file's sum, which belongs to "" where there is nothing but that file.
func (s *survey) readSum(record string) error {
	sum, name, found := strings.Cut(record, "  ")
	if !found {
		return fmt.Errorf("the host told of a sum by %.200q", record)
	}
	name = strings.TrimPrefix(name, "./")
	if s.kind == "file" {
		name = ""
	}
	if t, known := s.things[name]; known {
		t.sum = sum
		s.things[name] = t
	}
	return nil
}

// same tells whether a copy of t, which at is on this machine, would be nothing else than there. Sums are asked for last.
func (t thing) same(there thing, at string) (bool, error) {
	if t.kind != there.kind || t.kind == 'l' {
		return t.kind == there.kind && t.link == there.link, nil
	}
	if t.mode != there.mode || t.kind == 'd' {
		return t.mode == there.mode, nil
	}
	if t.size != there.size {
		return false, nil
	}
	f, err := os.Open(at)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == there.sum, nil
}

// compareFolder looks for what is the same in the folder on the host.
func (u *upload) compareFolder(mine map[string]thing, there *survey) (needed bool, err error) {
	u.replace, u.same = true, map[string]bool{}
	needed = there.count != len(mine)
	for rel, t := range mine {
		same, err := t.same(there.things[rel], filepath.Join(u.from, filepath.FromSlash(rel)))
		if err != nil {
			return false, err
		}
		needed = needed || !same
		if same && t.kind == 'f' {
			u.same[rel] = true
		}
	}
	if !needed {
		return false, nil
	}
	return true, u.linkSame()
}

// linkScript makes the new folder of files that are in the old one, whose paths it reads, by hard links.
const linkScript = `to=$1 tmp=$2
mkdir -m 700 -- "$tmp" && tmp=$(cd -- "$tmp" && pwd) && cd -- "$to" && xargs -0r cp -lP --parents -t "$tmp" --`

// linkSame gives the new folder what is the same in the old one. Where the host can't, having no GNU cp or a folder that forbids writing, all of it
// is sent.
func (u *upload) linkSame() error {
	var names strings.Builder
	for name := range u.same {
		names.WriteString(name + "\x00")
	}
	list := names.String()
	r, err := u.host.Run(u.ctx, Command{Quiet: true, AnyStatus: true, Stdin: &list, Argv: []string{"/bin/sh", "-c", linkScript, "sh", u.to, u.temporary}})
	if err == nil && r.Code == 0 {
		return nil
	}
	u.same = nil
	return u.host.unsent(u.ctx, err, u.temporary)
}
