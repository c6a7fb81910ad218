package ci

import (
	"io"
	"os"

	"golang.org/x/term"
)

// apart makes no command of what GitHub would take for one: it is a space without width, between the characters that begin it.
const apart = "\u200b"

// Guard returns what to write to standard output by.
//
// GitHub's runner reads standard output apart from standard error, and handles standard error first (ProcessOutput in its
// ProcessInvoker.cs). So the word that ends the protection counts before the last lines that went to standard output. In those that
// begin as a command does, the beginning is broken. All else stays as it is, and so does what goes to a regular file, to a terminal, or
// where standard error goes, too.
func (s *Shield) Guard(out io.Writer) io.Writer {
	if s.word == "" {
		return out
	}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		if err == nil && (info.Mode().IsRegular() || term.IsTerminal(int(f.Fd())) || s.sharedWith(info)) {
			return out
		}
	}
	return &guard{w: out, blank: true}
}

// sharedWith says whether the commands go to the same file.
func (s *Shield) sharedWith(info os.FileInfo) bool {
	f, ok := s.w.(*os.File)
	if !ok {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(info, own)
}

// guard breaks the beginnings of commands: "::" where only white space is before it in a line, and "##[" anywhere.
type guard struct {
	w      io.Writer
	blank  bool // nothing but white space is in the line so far, and colon
	colon  bool // the last byte was the first colon
	hashes int  // how many of them were last
}

func (g *guard) Write(b []byte) (int, error) {
	out := make([]byte, 0, len(b)+len(apart))
	for _, c := range b {
		if c == ':' && g.colon || c == '[' && g.hashes >= 2 {
			out = append(out, apart...)
		}
		out = append(out, c)
		g.follow(c)
	}
	if _, err := g.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// follow notes a byte. Those of characters beyond ASCII may be of white space; with others the worst is a command broken that was none.
func (g *guard) follow(c byte) {
	switch {
	case c == '#':
		g.hashes++
	default:
		g.hashes = 0
	}
	switch {
	case c == '\n' || c == '\r':
		g.blank, g.colon = true, false
	case g.blank && c == ':' && !g.colon:
		g.colon = true
	case c != ' ' && (c < '\t' || c > '\r') && c < 0x80 || g.colon:
		g.blank, g.colon = false, false
	}
}
