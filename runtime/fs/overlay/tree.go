package overlay

import (
	"path"
	"strings"
	"time"
)

// node is a path that a skipped change concerns.
type node struct {
	kind   string    // file, folder, link; "" for a path that would not exist
	text   *string   // of a file; nil if it is not known
	target string    // of a link
	mode   string    // octal; "" for the default
	origin string    // the path on the host of what was renamed to here, or ""
	at     time.Time // when the change was skipped
}

// tree is what a dry run remembers of one host, by path. No remembered link is part of a path.
type tree map[string]node

// place is where a path is found.
type place struct {
	path   string // without remembered links in its folders
	node   *node  // nil if nothing is remembered of the path itself
	origin string // where it is on the host, or "" if it is not there
}

// gone reports whether the skipped changes leave nothing at the place.
func (p place) gone() bool {
	return p.node == nil && p.origin == "" || p.node != nil && p.node.kind == ""
}

// maxLinks limits the links in a path, as kernels do.
const maxLinks = 40

// find returns the place of a path. With follow, the place is that of what a remembered link points
// to.
func (t tree) find(p string, follow bool) place {
	p = path.Clean(p)
	for range maxLinks {
		at, next := t.step(p)
		if next == "" && follow && at.node != nil && at.node.kind == "link" {
			next = at.node.target
		}
		if next == "" {
			return at
		}
		p = path.Clean(next)
	}
	return place{path: p}
}

// step walks a path from the root. It stops at a link in one of its folders and returns the path to
// go on with.
func (t tree) step(p string) (at place, next string) {
	at = place{path: "/", origin: "/"}
	names := strings.Split(strings.Trim(p, "/"), "/")
	for i, name := range names {
		if name == "" { // the root
			return at, ""
		}
		at.path = path.Join(at.path, name)
		if n, ok := t[at.path]; ok {
			at.node, at.origin = &n, n.origin
		} else {
			at.node = nil
			if at.origin != "" {
				at.origin = path.Join(at.origin, name)
			}
		}
		last := i == len(names)-1
		if at.node == nil || last {
			continue
		}
		switch at.node.kind {
		case "link":
			return at, path.Join(append([]string{at.node.target}, names[i+1:]...)...)
		case "folder":
		default: // nothing is below it
			return place{path: p}, ""
		}
	}
	return at, ""
}

// set remembers what a skipped change leaves at a path. Below anything but a folder it forgets
// everything. If a parent folder was remembered as removed, a skipped command must have created it
// again.
func (t tree) set(p string, n node) {
	for dir := path.Dir(p); n.kind != "" && dir != "/"; dir = path.Dir(dir) {
		if above, ok := t[dir]; ok && above.kind != "folder" {
			t[dir] = node{kind: "folder", at: n.at}
		}
	}
	for other := range t {
		if n.kind != "folder" && strings.HasPrefix(other, p+"/") {
			delete(t, other)
		}
	}
	t[p] = n
}

// move remembers that a place is renamed to a path. kind is what is there.
func (t tree) move(from place, to, kind string) {
	moved := map[string]node{}
	for other, n := range t {
		if below, ok := strings.CutPrefix(other, from.path+"/"); ok {
			moved[path.Join(to, below)] = n
		}
	}
	n := node{kind: kind, origin: from.origin, at: time.Now()}
	if from.node != nil && from.node.kind != "" {
		n = *from.node
	}
	t.set(from.path, node{})
	t.set(to, n)
	for p, n := range moved {
		t[p] = n
	}
}

// children returns the names that are remembered directly below a path, and whether each would
// exist.
func (t tree) children(p string) map[string]bool {
	found := map[string]bool{}
	for other, n := range t {
		if below, ok := strings.CutPrefix(other, strings.TrimSuffix(p, "/")+"/"); ok && below != "" {
			name, _, deeper := strings.Cut(below, "/")
			if n.kind != "" || !deeper {
				found[name] = found[name] || n.kind != ""
			}
		}
	}
	return found
}

// below reports whether something is remembered below a path, and whether any of it would exist. If
// so, the folders above it must exist too, created by a skipped call such as a command.
func (t tree) below(p string) (remembered, implied bool) {
	for other, n := range t {
		if strings.HasPrefix(other, strings.TrimSuffix(p, "/")+"/") {
			remembered, implied = true, implied || n.kind != ""
		}
	}
	return remembered, implied
}
