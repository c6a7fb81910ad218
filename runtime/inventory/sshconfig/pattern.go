package sshconfig

import "strings"

// MatchPattern reports whether text matches a pattern of ssh_config: * matches any text, ? one
// byte.
func MatchPattern(pattern, text string) bool {
	p, t, star, retry := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0: // let the last * match one more byte
			retry++
			p, t = star+1, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// MatchPatterns reports whether text matches one of the patterns, and none of those that begin with
// !.
func MatchPatterns(patterns []string, text string) bool {
	found := false
	for _, p := range patterns {
		if inner, not := strings.CutPrefix(p, "!"); not {
			if MatchPattern(inner, text) {
				return false
			}
		} else if MatchPattern(p, text) {
			found = true
		}
	}
	return found
}
