package ci

import (
	"fmt"
	"strings"

	"runbook/runtime/event"
)

// gitHub writes workflow commands
// (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands).
type gitHub struct {
	shield *Shield
	root   string
}

// Event records warnings and failures.
func (g *gitHub) Event(e event.Event) {
	switch e.Kind {
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
	g.shield.note("::" + command + " " + strings.Join(properties, ",") + "::" + message(n.message) + "\n")
}

// Close does nothing: the shield writes the notes.
func (g *gitHub) Close() error { return nil }

// message escapes the text of a command.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// property escapes the value of a property.
func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}
