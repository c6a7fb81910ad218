package ssh

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Quote returns s as one word for /bin/sh, byte for byte. A NUL byte is an error, because no
// command can get one.
//
// Words of a few harmless characters stay as they are, to keep commands readable. All others are
// put in single quotes, where no shell gives any byte a meaning.
func Quote(s string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", fmt.Errorf("%.40q contains a NUL byte, which no command can get", s)
	}
	if s != "" && Harmless(s) && !isKeyword(s) {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// Harmless reports whether s has only characters that no shell gives a meaning, and those in also.
func Harmless(s string, also ...rune) bool {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-"
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(harmless, r) && !slices.Contains(also, r)
	})
}

// isKeyword reports whether s is a word with a meaning of its own where a command may begin, in any
// shell.
func isKeyword(s string) bool {
	return slices.Contains([]string{"case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function",
		"if", "in", "namespace", "select", "then", "time", "until", "while"}, s)
}

// QuoteAll returns words as a command line for /bin/sh. The first word, the program's name, must
// not be empty.
func QuoteAll(words []string) (string, error) {
	if len(words) == 0 || words[0] == "" {
		return "", errors.New("a command needs a program's name as its first word")
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		q, err := Quote(w)
		if err != nil {
			return "", fmt.Errorf("word %d: %w", i+1, err)
		}
		quoted[i] = q
	}
	return strings.Join(quoted, " "), nil
}
