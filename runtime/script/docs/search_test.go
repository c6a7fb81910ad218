package docs_test

import (
	"strings"
	"testing"

	"runbook/runtime/script/docs"
	"runbook/runtime/script/internal/scripttest"
)

// TestSearch searches for words that are not the name of an entry. "! " comes before a text that
// must not be found.
func TestSearch(t *testing.T) {
	lib := scripttest.Library(t)
	for words, wants := range map[string][]string{
		"CWD":           {"options, arguments and fields of results\n  cwd ", "in host:run\n", "! host.fs:read"},
		"error objects": {"error objects\n    Errors are objects", "err.hint"},
		"status 127":    {"texts\n  exit status "},
		"hidden":        {"texts\n  secrets  "},
		"fs:rea":        {"names\n  host.fs:read "},
	} {
		got, err := docs.Text(lib, words)
		if err != nil {
			t.Errorf("%s: %v", words, err)
		}
		for _, want := range wants {
			part, absent := strings.CutPrefix(want, "! ")
			if strings.Contains(got, part) == absent {
				t.Errorf("%s: want %q in\n%s", words, want, got)
			}
		}
	}
	for words, want := range map[string]string{
		"tiemout":  "near words: timeout",
		"host:rnu": "near words: host:run",
		"qqqqqqq":  `with "qqqqqqq"`,
		" ":        `with ""`,
	} {
		if got, err := docs.Text(lib, words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error with %q", words, got, err, want)
		}
	}
}
