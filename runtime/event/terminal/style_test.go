package terminal

import (
	"testing"

	"charm.land/lipgloss/v2"
)

// TestColourStyles compares the styled texts with those of lipgloss.
func TestColourStyles(t *testing.T) {
	t.Parallel()
	plain := lipgloss.NewStyle()
	ours := colourStyles()
	for name, style := range map[string]struct {
		got  func(string) string
		want lipgloss.Style
	}{
		"host":    {ours.host, plain.Foreground(lipgloss.Cyan)},
		"faint":   {ours.faint, plain.Faint(true)},
		"failure": {ours.failure, plain.Foreground(lipgloss.Red).Bold(true)},
	} {
		for _, text := range []string{"", "x", "web1  ", "a\tb", "one\ntwo", "one\r\ntwo", "grüße 世界",
			"\x1b[2mnested\x1b[m text"} {
			if got, want := style.got(text), style.want.Render(text); got != want {
				t.Errorf("%s: %q becomes %q, want %q", name, text, got, want)
			}
		}
	}
}
