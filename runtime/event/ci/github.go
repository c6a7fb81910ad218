package ci

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"runbook/runtime/event"
)

// gitHub writes workflow commands
// (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands).
type gitHub struct {
	writeErrors
	w     io.Writer
	root  string
	token string // ends the time in which GitHub takes no commands; "" outside of it
	notes []string
}

func newGitHub(w io.Writer, root string) *gitHub {
	return &gitHub{w: w, root: root}
}

// Event gathers warnings and failures. Between the first event and the last what hosts print goes to the same stream, where
// GitHub would take a line that begins with "::" for a command of the job.
func (g *gitHub) Event(e event.Event) {
	switch e.Kind {
	case event.RunBegun:
		g.token = rand.Text()
		g.write("::stop-commands::" + g.token + "\n")
	case event.Warning:
		n := place(e.Line, g.root)
		n.title, n.message = e.Host, e.Text
		g.note("warning", n)
	case event.RunEnded:
		for _, f := range e.Faults {
			g.note("error", faultNote(f, g.root))
		}
	}
}

func (g *gitHub) note(command string, n note) {
	var properties []string
	if n.file != "" {
		properties = append(properties, "file="+property(n.file), fmt.Sprintf("line=%d", n.line))
	}
	if n.title != "" {
		properties = append(properties, "title="+property(n.title))
	}
	g.notes = append(g.notes, "::"+command+" "+strings.Join(properties, ",")+"::"+message(n.message)+"\n")
}

// Close writes what was gathered, when nothing else is written any more.
func (g *gitHub) Close() error {
	if g.token != "" {
		g.write("::" + g.token + "::\n")
	}
	g.write(strings.Join(g.notes, ""))
	return g.err
}

func (g *gitHub) write(text string) {
	_, err := io.WriteString(g.w, text)
	g.keep(err)
}

// message escapes a command's text as GitHub reads it.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// property escapes the value of a command's property.
func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}
