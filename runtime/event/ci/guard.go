package ci

import (
	"io"
	"os"

	"golang.org/x/term"
)

// breaker is a zero-width space. Between the characters that begin a command of GitHub it breaks
// the command.
const breaker = "\u200b"

// Guard returns a writer for standard output.
//
// GitHub's runner reads standard output and standard error separately, and handles standard error
// first (ProcessOutput in its ProcessInvoker.cs). So the word that ends the protection takes effect
// before the last lines of standard output. Guard breaks the beginnings of commands in them and
// changes nothing else. It returns out itself for a regular file, for a terminal, and for the file
// of standard error.
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

// sharedWith reports whether the commands go to the same file.
func (s *Shield) sharedWith(info os.FileInfo) bool {
	f, ok := s.w.(*os.File)
	if !ok {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(info, own)
}

// guard breaks the beginnings of commands: "::" after only white space in a line, and "##["
// anywhere.
type guard struct {
	w      io.Writer
	blank  bool // the line has only white space so far, or then a colon
	colon  bool // the last byte was that colon
	hashes int  // how many of the last bytes were #
}

func (g *guard) Write(b []byte) (int, error) {
	out := make([]byte, 0, len(b)+len(breaker))
	for _, c := range b {
		if c == ':' && g.colon || c == '[' && g.hashes >= 2 {
			out = append(out, breaker...)
		}
		out = append(out, c)
		g.follow(c)
	}
	if _, err := g.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// follow updates the state by one byte. Bytes beyond ASCII may be white space. If they are not, the
// worst result is a broken text that was no command.
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
