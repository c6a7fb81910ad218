package terminal

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// styles renders the parts of a line.
type styles struct {
	host, faint, done, failure, warning, would func(string) string
}

func plainStyles() styles {
	plain := func(s string) string { return s }
	return styles{plain, plain, plain, plain, plain, plain}
}

// colourStyles uses the sixteen colours of the terminal's own theme, which are readable on light
// and dark backgrounds.
func colourStyles() styles {
	// lipgloss measures each text that it renders. The escape codes around a line are always the
	// same, so they are rendered once.
	render := func(st lipgloss.Style) func(string) string {
		before, after, _ := strings.Cut(st.Render("x"), "x")
		return func(s string) string {
			if s == "" || strings.ContainsAny(s, "\r\n\t") {
				return st.Render(s)
			}
			return before + s + after
		}
	}
	plain := lipgloss.NewStyle()
	return styles{
		host:    render(plain.Foreground(lipgloss.Cyan)),
		faint:   render(plain.Faint(true)),
		done:    render(plain.Foreground(lipgloss.Green)),
		failure: render(plain.Foreground(lipgloss.Red).Bold(true)),
		warning: render(plain.Foreground(lipgloss.Yellow)),
		would:   render(plain.Foreground(lipgloss.Magenta)),
	}
}
