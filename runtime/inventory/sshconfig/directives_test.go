package sshconfig

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestReadmeNamesDirectives compares the README with the directives that are used and refuses.
func TestReadmeNamesDirectives(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## ssh_config")
	section, _, _ = strings.Cut(section, "\n## ")
	_, used, _ := strings.Cut(section, "- Used:")
	used, refused, _ := strings.Cut(used, "- Refused by name")
	refused, _, _ = strings.Cut(refused, "- Ignored:")
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	}
	for _, name := range supported() {
		if !slices.Contains(words(used), name) {
			t.Errorf("it does not say that %s is used", name)
		}
	}
	_, refused, _ = strings.Cut(refused, ":")
	refused, _, _ = strings.Cut(refused, ";")
	if len(words(refused)) == 0 {
		t.Error("it does not say what is refused")
	}
	for _, name := range words(refused) {
		if _, ok := unsupported(strings.ToLower(name)); !ok {
			t.Errorf("it says that %s is refused", name)
		}
	}
}
