package man

import "testing"

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"--dry-run":     `\-\-dry\-run`,
		`C:\new`:        `C:\enew`,
		".SH is text":   `\&.SH is text`,
		"a\n'quoted'":   "a\n\\&'quoted'",
		"one\n\ntwo":    "one\n.PP\ntwo",
		"FILE:LINE:COL": "FILE:LINE:COL",
	} {
		if got := escape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
