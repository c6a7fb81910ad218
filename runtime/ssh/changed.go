package ssh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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
	kind, there, err := u.there()
	if err != nil {
		return false, err
	}
	switch {
	case kind == "folder" && !u.folder:
		return false, isFolder(u.to)
	case kind == "file" && u.folder:
		return false, isThere(u.to)
	case kind == "nothing":
		return true, nil
	case !u.folder:
		mine := thing{kind: 'f', mode: u.mode, size: info.Size()}
		same, err := mine.same(there[""], u.from)
		return !same, err
	}
	return u.compareFolder(there)
}

// there asks the host what it has.
func (u *upload) there() (kind string, things map[string]thing, err error) {
	var said bytes.Buffer
	r, err := u.host.Run(u.ctx, Command{Quiet: true, AnyStatus: true, Output: &said, Argv: []string{"/bin/sh", "-c", thereScript, "sh", path.Dir(u.to), path.Base(u.to)}})
	if err != nil {
		return "", nil, err
	}
	if r.Code != 0 {
		return "", nil, event.WithHint(fmt.Errorf("the host could not tell what it has: %s", scriptSaid(r)), "without changed all of it is sent")
	}
	kind, rest, _ := strings.Cut(said.String(), "\n")
	things, err = parseThere(rest)
	return kind, things, err
}

// parseThere reads what thereScript prints, behind its first line.
func parseThere(said string) (map[string]thing, error) {
	things := map[string]thing{}
	for {
		record, rest, found := strings.Cut(said, "\x00")
		if said = rest; record == "" || !found {
			break
		}
		fields := strings.SplitN(record, " ", 4)
		link, rest, ended := strings.Cut(said, "\x00")
		said = rest
		if len(fields) < 4 || len(fields[0]) != 1 || !ended {
			return nil, fmt.Errorf("the host told of its files by %q", record)
		}
		mode, err := strconv.ParseUint(fields[1], 8, 32)
		size, sizeErr := strconv.ParseInt(fields[2], 10, 64)
		if err := errors.Join(err, sizeErr); err != nil {
			return nil, fmt.Errorf("the host told of its files by %q: %w", record, err)
		}
		things[fields[3]] = thing{kind: fields[0][0], mode: fs.FileMode(mode), size: size, link: link}
	}
	for said != "" {
		record, rest, _ := strings.Cut(said, "\x00")
		said = rest
		sum, name, found := strings.Cut(record, "  ")
		if !found {
			return nil, fmt.Errorf("the host told of a sum by %q", record)
		}
		name = strings.TrimPrefix(name, "./")
		t, known := things[name]
		if !known { // a single file, which find calls ""
			name = ""
			t = things[name]
		}
		t.sum = sum
		things[name] = t
	}
	return things, nil
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
func (u *upload) compareFolder(there map[string]thing) (needed bool, err error) {
	u.replace, u.same = true, map[string]bool{}
	count := 0
	err = walk(u.from, func(at, rel string, info fs.FileInfo) (err error) {
		count++
		mine := thing{mode: info.Mode().Perm(), size: info.Size()}
		switch {
		case info.IsDir():
			mine.kind = 'd'
		case info.Mode()&fs.ModeSymlink != 0:
			mine.kind = 'l'
			if mine.link, err = os.Readlink(at); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			mine.kind = 'f'
		default:
			return fmt.Errorf("%s is no file, folder or link", at)
		}
		same, err := mine.same(there[rel], at)
		needed = needed || !same
		if same && mine.kind == 'f' {
			u.same[rel] = true
		}
		return err
	})
	needed = needed || count != len(there)
	if err != nil || !needed {
		return false, err
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
