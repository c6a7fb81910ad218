package types_test

import (
	"strings"
	"testing"

	"runbook/runtime/script/types"
)

// TestParse parses types as editors write them. Writing them again gives the same text, without
// needless brackets.
func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, again, words string }{
		{"any", "", "any value"},
		{"string", "", "a string"},
		{"integer", "", "a whole number"},
		{"boolean|string", "", "true or false or a string"},
		{"string[]", "", `a list of strings, such as { "a", "b" }`},
		{"(string)[]", "string[]", `a list of strings, such as { "a", "b" }`},
		{"host", "", "a host"},
		{"host[]", "", "a list of hosts"},
		{"any[][]", "", "a list"},
		{"string|(string|number)[]", "", "a string or a list"},
		{"table<string, string>", "", "a table of names, such as { name = value }"},
		{"table<string, string|number>[]", "", "a list of tables"},
		{"table<string, string>|table<string, string>[]", "",
			"a table of names, such as { name = value } or a list of tables"},
	} {
		parsed, err := types.Parse(tt.text, "host")
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		want := tt.again
		if want == "" {
			want = tt.text
		}
		if got := parsed.String(); got != want {
			t.Errorf("%s is written as %s, want %s", tt.text, got, want)
		}
		if got := parsed.Words(); got != tt.words {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.words)
		}
	}
	for _, text := range []string{"", "strng", "repo", "string|", "table<number, string>", "(string", "strng[]",
		"table<string, strng>", "|string"} {
		if parsed, err := types.Parse(text, "host"); err == nil || !strings.Contains(err.Error(), "unknown type") {
			t.Errorf("%q: %v, %v", text, parsed, err)
		}
	}
}
