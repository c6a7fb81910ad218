// Package archive turns a folder or a tar archive of this machine into a commit.
//
// Its one rule: the commit depends only on what is released, so the same files always have the same
// hash. Owners and times are left out. Of modes, the bits for writing by others are left out, as
// with umask 022; the owner keeps all rights.
//
// git stores no empty folders, and of a mode only the bit for execution. So the message of the
// commit lists what differs, one a line: "folder CHANGE NAME" or "file CHANGE NAME", with a change
// for chmod, or "=" for none. clone.sh reads them after the checkout.
package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// The limits of an archive.
const (
	maxBytes     = 4 << 30 // of all files together
	maxEntries   = 1_000_000
	maxName      = 4 << 10 // of a path, in bytes
	maxNames     = 256 << 20
	maxComponent = 255 // bytes in one part of a path
)

// Options select what is stored.
type Options struct {
	Path    string   // a folder, or a tar archive: plain, or compressed by gzip or bzip2
	Reserve []string // names that the archive may not have at its top
}

// Summary counts the stored files.
type Summary struct {
	Files int   // and links
	Bytes int64 // of all files
}

// kind is the type of an entry.
type kind string

const (
	file   kind = "file"
	folder kind = "folder"
	link   kind = "link"
)

// entry is one file, folder or link of an archive.
type entry struct {
	kind   kind
	mode   uint32 // permissions
	mark   int    // of its content in the stream; 0 for folders
	target string // of a link
}

// Write writes the archive to w, as a stream for git fast-import that makes the commit ref.
func Write(w io.Writer, ref string, o Options) (Summary, error) {
	b := &builder{stream: &stream{w: w}, entries: map[string]entry{}, reserve: o.Reserve}
	info, err := os.Stat(o.Path)
	if err != nil {
		return Summary{}, event.WithHint(err, "build it first, or name another path")
	}
	if info.IsDir() {
		err = b.readFolder(o.Path)
	} else {
		err = b.readTar(o.Path)
	}
	if err == nil {
		err = b.finish(ref)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("%s: %w", o.Path, err)
	}
	return b.summary, nil
}

// builder collects the entries of an archive by path.
type builder struct {
	*stream
	entries map[string]entry
	reserve []string
	summary Summary
	names   int // bytes of all paths
}

// clean returns the path of an entry in the archive, "" for the archive itself.
func (b *builder) clean(name string) (string, error) {
	bad := func(why string) (string, error) { return "", fmt.Errorf("%.200q %s", name, why) }
	switch {
	case strings.HasPrefix(name, "/"):
		return bad("is an absolute path")
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return bad("has a control character in its name")
	case len(name) > maxName:
		return bad(fmt.Sprintf("is longer than %d bytes", maxName))
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return bad("leads out of the archive")
		case len(part) > maxComponent:
			return bad(fmt.Sprintf("has a part longer than %d bytes", maxComponent))
		case part != ".git" && strings.EqualFold(part, ".git"):
			return bad("has a name that git takes for its own")
		}
	}
	name = path.Clean(name)
	if name == "." {
		return "", nil
	}
	if top, _, _ := strings.Cut(name, "/"); slices.Contains(b.reserve, top) {
		return "", event.WithHint(fmt.Errorf("it contains %s, which the release creates", top), "move it out of there")
	}
	return name, nil
}

// inRepository reports whether a path belongs to a git repository in the archive. It is left out.
func inRepository(name string) bool { return slices.Contains(strings.Split(name, "/"), ".git") }

// add adds an entry. Missing parent folders are added, too.
func (b *builder) add(name string, e entry) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if above, ok := b.entries[dir]; ok && above.kind != folder {
			return fmt.Errorf("%.200q is in %q, which is not a folder", name, dir)
		} else if ok {
			break
		}
		b.entries[dir] = entry{kind: folder, mode: 0o755}
		b.names += len(dir)
	}
	if before, ok := b.entries[name]; ok && (before.kind != folder || e.kind != folder) {
		return fmt.Errorf("%.200q is there twice", name)
	}
	b.names += len(name)
	b.entries[name] = e
	if len(b.entries) > maxEntries || b.names > maxNames {
		return fmt.Errorf("more than %d files and folders, or names longer than %d bytes together",
			maxEntries, maxNames)
	}
	return nil
}

func (b *builder) addFolder(name string, mode uint32) error {
	return b.add(name, entry{kind: folder, mode: mode&0o755 | 0o700})
}

// addFile adds a file of a size, with the content that r has.
func (b *builder) addFile(name string, mode uint32, size int64, r io.Reader) error {
	if b.summary.Bytes += size; size < 0 || b.summary.Bytes > maxBytes {
		return fmt.Errorf("more than %d GiB of files", maxBytes>>30)
	}
	b.summary.Files++
	mark, err := b.blob(size, r)
	if err != nil {
		return fmt.Errorf("%.200q: %w", name, err)
	}
	if mode&0o100 == 0 {
		mode &= 0o644
	}
	return b.add(name, entry{kind: file, mode: mode&0o755 | 0o600, mark: mark})
}

func (b *builder) addLink(name, target string) error {
	b.summary.Files++
	mark, err := b.blob(int64(len(target)), strings.NewReader(target))
	if err != nil {
		return err
	}
	return b.add(name, entry{kind: link, mark: mark, target: target})
}

// finish checks the links, which may point to later entries, and writes the commit.
func (b *builder) finish(ref string) error {
	if b.summary.Files == 0 {
		return errors.New("there are no files in it")
	}
	names := make([]string, 0, len(b.entries))
	for name, e := range b.entries {
		names = append(names, name)
		if e.kind == link && !b.inside(name) {
			return event.WithHint(fmt.Errorf("the link %q points to %.200q, which is outside of it", name, e.target),
				"replace the link by what it points to: tar has the option --dereference, cp the option -L")
		}
	}
	slices.Sort(names)
	filled := map[string]bool{} // folders that are not empty
	for _, name := range names {
		if b.entries[name].kind != folder {
			for dir := path.Dir(name); dir != "." && !filled[dir]; dir = path.Dir(dir) {
				filled[dir] = true
			}
		}
	}
	var message, tree strings.Builder
	message.WriteString("archive\n\n")
	for _, name := range names {
		e := b.entries[name]
		if change := e.change(); e.kind != link && (change != "=" || e.kind == folder && !filled[name]) {
			fmt.Fprintf(&message, "%s %s %s\n", e.kind, change, name)
		}
		if e.kind != folder {
			fmt.Fprintf(&tree, "M %s :%d %s\n", gitMode(e), e.mark, quoted(name))
		}
	}
	return b.commit(ref, message.String(), tree.String())
}

// change returns how the mode of an entry differs from the one that it gets in a checkout.
func (e entry) change() string {
	var all []string
	for shift, who := range map[int]string{3: "g", 0: "o"} {
		what := ""
		if e.mode>>shift&4 == 0 {
			what += "r"
		}
		if e.mode&0o100 != 0 && e.mode>>shift&1 == 0 {
			what += "x"
		}
		if what != "" {
			all = append(all, who+"-"+what)
		}
	}
	slices.Sort(all)
	return cmp.Or(strings.Join(all, ","), "=")
}

// gitMode returns the mode that git stores for an entry.
func gitMode(e entry) string {
	switch {
	case e.kind == link:
		return "120000"
	case e.mode&0o100 != 0:
		return "100755"
	}
	return "100644"
}

// maxLinks limits the links on the way to a path, as Linux does.
const maxLinks = 40

// inside reports whether the link called name points to a path inside of the archive, which need
// not exist. Links on the way are followed: "a/.." is not the folder of a if a is a link.
func (b *builder) inside(name string) bool {
	var at []string
	if dir := path.Dir(name); dir != "." {
		at = strings.Split(dir, "/")
	}
	rest := strings.Split(b.entries[name].target, "/")
	if rest[0] == "" {
		return false // absolute
	}
	for links := 1; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return false
			}
			at = at[:len(at)-1]
			continue
		}
		next := append(slices.Clone(at), part)
		e, ok := b.entries[strings.Join(next, "/")]
		if !ok || e.kind != link {
			at = next
			continue
		}
		if links++; links > maxLinks || strings.HasPrefix(e.target, "/") {
			return false
		}
		rest = append(strings.Split(e.target, "/"), rest...)
	}
	return len(cmp.Or(strings.Join(at, "/"), ".")) <= maxName
}
