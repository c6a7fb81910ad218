package ssh

import (
	"strings"
	"testing"
)

func BenchmarkQuote(b *testing.B) {
	words := []string{"git", "-C", "/srv/app/repo.git", "commit", "-m",
		"it's a message of some length; $(nothing) `more`", strings.Repeat("x", 200)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := QuoteAll(words); err != nil {
			b.Fatal(err)
		}
	}
}
