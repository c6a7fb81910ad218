package ssh

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Quote returns s as one word for /bin/sh: exactly the bytes of s, whatever they are. A NUL byte is an error, because no
// command can be given one.
//
// Only words of a few harmless characters stay as they are, so that what is shown stays readable. Everything
// else stands in single quotes, within which no shell gives any byte a meaning.
func Quote(s string) (string, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return "", fmt.Errorf("%.40q has a NUL byte in it, which no command can be given", s)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(harmless, r) }) < 0 && !reserved(s) {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// harmless are the characters that mean themselves in every shell.
const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-"

// reserved says whether a shell takes s for a word of its own where a command may begin.
func reserved(s string) bool {
	return slices.Contains([]string{"case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
		"namespace", "select", "then", "time", "until", "while"}, s)
}

// QuoteAll returns a command line for /bin/sh of the given words. None at all, and an empty first word, are errors:
// there is no command without a name.
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
