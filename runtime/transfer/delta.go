package transfer

import (
	"bytes"
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
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
)

// The scripts document their arguments and output.
var (
	//go:embed survey.sh
	surveyScript string
	//go:embed sums.sh
	sumsScript string
	//go:embed share.sh
	shareScript string
)

// entry describes a file, a folder or a link by the attributes that a copy must share.
type entry struct {
	kind  byte // 'f', 'd' or 'l', as in find(1)
	mode  fs.FileMode
	size  int64
	link  string       // the target of a link
	owner owner.Actual // on the host
}

// Difference is what an upload would change on the host, by path in the folder, or "" for a file.
type Difference struct {
	New, Changed, Deleted []string

	folder bool
}

// String returns the numbers.
func (d Difference) String() string {
	return fmt.Sprintf("%d new, %d changed, %d deleted", len(d.New), len(d.Changed), len(d.Deleted))
}

// none reports whether nothing differs.
func (d Difference) none() bool { return len(d.New)+len(d.Changed)+len(d.Deleted) == 0 }

// compare finds out which files the host already has, and which of its own files stay.
func (u *upload) compare() error {
	mine := map[string]entry{"": {kind: 'f', mode: u.perm(u.info), size: u.info.Size()}}
	if u.folder() {
		var err error
		if mine, err = u.localEntries(); err != nil {
			return err
		}
	}
	there, err := u.survey(mine)
	switch {
	case err != nil:
		return err
	case there.kind == "folder" && !u.folder():
		return isFolder(u.to)
	case there.kind == "file" && u.folder():
		return isThere(u.to)
	}
	same, err := u.sameFiles(mine, there)
	if err != nil {
		return err
	}
	for rel, e := range mine {
		now, known := there.entries[rel]
		switch {
		case !known:
			u.difference.New = append(u.difference.New, rel)
		case !e.matches(now, u.owner) || e.kind == 'f' && !same[rel]:
			u.difference.Changed = append(u.difference.Changed, rel)
		}
		if known && now.kind == e.kind {
			u.replaced[rel] = now.owner
		}
	}
	u.difference.Deleted, u.difference.folder = there.deleted(), u.folder()
	slices.Sort(u.difference.New)
	slices.Sort(u.difference.Changed)
	if u.difference.none() || there.kind != "folder" {
		return nil
	}
	u.replace, u.same, u.kept = true, same, there.kept
	return u.checkReplace(mine, there)
}

// checkReplace refuses to replace a folder if its contents that must stay could not be kept.
func (u *upload) checkReplace(mine map[string]entry, there *survey) error {
	if there.mounted != "" {
		return event.WithHint(fmt.Errorf("%s is mounted there, and a folder is replaced as a whole", there.mounted),
			"upload to the folders beside the mounted one, one by one")
	}
	for _, name := range u.kept {
		above := path.Dir(name)
		for above != "." && mine[above].kind == 0 {
			above = path.Dir(above)
		}
		if above != "." && mine[above].kind != 'd' {
			return event.WithHint(fmt.Errorf("%s is to stay on the host, but %s is no folder here", name, above),
				"remove the folder on the host first, or set delete = true if nothing in it is excluded")
		}
	}
	return nil
}

// localEntries returns what is in a folder of this machine by path, and the folder itself as "".
func (u *upload) localEntries() (map[string]entry, error) {
	entries := map[string]entry{}
	err := walk(u.from, u.exclude, func(at, rel string, info fs.FileInfo) (err error) {
		e := entry{mode: u.perm(info), size: info.Size()}
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

// survey asks the host which entries of mine it has.
func (u *upload) survey(mine map[string]entry) (*survey, error) {
	s := newSurvey(u.to, mine)
	s.exclude, s.remove = u.exclude, u.o.Delete
	command := shell.Command{Argv: []string{"/bin/sh", "-c", surveyScript, "sh", path.Dir(u.to), path.Base(u.to)},
		Resident: true}
	return s, u.read(command, &s.records)
}

// sameFiles returns the files of mine that have the same content on the host. Only files whose
// other attributes are equal are read.
func (u *upload) sameFiles(mine map[string]entry, there *survey) (map[string]bool, error) {
	var names strings.Builder
	sums, folder := map[string]string{}, u.to
	for rel, e := range mine {
		if now := there.entries[rel]; e.kind == 'f' && e.size == now.size && e.matches(now, u.owner) {
			sums[rel] = ""
			names.WriteString("./" + rel + "\x00")
		}
	}
	if len(sums) == 0 {
		return nil, nil
	}
	list := names.String()
	if !u.folder() {
		folder, list = path.Dir(u.to), "./"+path.Base(u.to)+"\x00"
	}
	r := &records{end: 0, read: func(record string) error {
		sum, name, found := strings.Cut(record, "  ./")
		if !found {
			return fmt.Errorf("the host listed a sum as %.200q", record)
		}
		if !u.folder() {
			name = ""
		}
		if _, asked := sums[name]; asked {
			sums[name] = sum
		}
		return nil
	}}
	if err := u.read(shell.Command{Argv: []string{"/bin/sh", "-c", sumsScript, "sh", folder}, Stdin: &list},
		r); err != nil {
		return nil, err
	}
	same := map[string]bool{}
	for rel, sum := range sums {
		mine, err := sumOf(filepath.Join(u.from, filepath.FromSlash(rel)))
		if err != nil {
			return nil, err
		}
		same[rel] = mine == sum
	}
	return same, nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // all is read
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// read runs a command that prints records, and reads them.
func (u *upload) read(c shell.Command, into *records) error {
	ctx, stop := context.WithCancelCause(u.ctx)
	defer stop(nil)
	c.Quiet, c.AnyStatus, c.Sudo = true, true, u.o.Sudo
	c.Output = writerFunc(func(b []byte) (int, error) {
		n, err := into.Write(b)
		if err != nil {
			stop(err) // the rest is not needed
		}
		return n, err
	})
	r, err := u.host.Run(ctx, c)
	switch {
	case into.err != nil:
		return into.err
	case err != nil:
		return err
	case r.Code != 0:
		return event.WithHint(fmt.Errorf("the host could not list what it has: %s", reason(r)),
			"comparing needs GNU find and sha256sum on the host, and files that the user may read: see sudo")
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// matches reports whether a copy of e would equal there, apart from the content of a file.
func (e entry) matches(there entry, wanted owner.Owner) bool {
	switch {
	case e.kind != there.kind || !there.owner.Is(wanted):
		return false
	case e.kind == 'l':
		return e.link == there.link
	}
	return e.mode == there.mode && (e.kind == 'd' || e.size == there.size)
}

// share creates the new folder with hard links to what stays of the old one. If the host cannot do
// that, without GNU cp or because a folder is not writable, all files are sent. Files that only the
// host has cannot be sent, so then that is an error.
func (u *upload) share() error {
	var names bytes.Buffer
	for _, name := range slices.Concat(u.kept, sortedTrue(u.same)) {
		names.WriteString(name + "\x00")
	}
	list := names.String()
	r, err := u.host.Run(u.ctx, shell.Command{Quiet: true, AnyStatus: true, Sudo: u.o.Sudo, Stdin: &list,
		Argv: []string{"/bin/sh", "-c", shareScript, "sh", u.to, u.temporary}})
	if err == nil && r.Code == 0 {
		return nil
	}
	if err == nil && len(u.kept) > 0 {
		err = event.WithHint(fmt.Errorf("the host could not keep what only it has: %s", reason(r)),
			"keeping needs GNU cp, and files that the user may link to: their owner may, or root by sudo = true")
	}
	u.same = nil
	return u.discard(err)
}

func sortedTrue(set map[string]bool) (names []string) {
	for name, is := range set {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
