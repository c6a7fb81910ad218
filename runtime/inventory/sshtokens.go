package inventory

import (
	"errors"
	"fmt"
	"strings"
)

// expand replaces %x by tokens[x], and %% by %.
func expand(text string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		i++
		if i == len(text) {
			return "", errors.New("a % at the end; write %% for a percent sign")
		}
		if text[i] == '%' {
			b.WriteByte('%')
			continue
		}
		value, ok := tokens[text[i]]
		if !ok {
			return "", fmt.Errorf("%%%c is not supported here", text[i])
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// expandEnv replaces ${NAME}. A variable that isn't set is an error, because a path with a hole in it names
// another file.
func expandEnv(text string, getenv func(string) string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return "", errors.New("${ without }")
		}
		value := getenv(name)
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		b.WriteString(value)
		text = rest
	}
}
