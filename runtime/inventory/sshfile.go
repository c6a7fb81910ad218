package inventory

import (
	"errors"
	"fmt"
	"strings"
)

// The reader of ssh_config is our own, for the rule of this package. github.com/kevinburke/ssh_config 1.6.0, the
// usual one, was held against `ssh -G`: it silently leaves out what stands under a quoted Host pattern, under
// patterns with a tab between them and in a quoted Include, takes web? for web as well, cuts a value at any #,
// matches Match host against the alias, and refuses a whole file for one Match exec in it.
// TestLikeOpenSSH holds this one against `ssh -G`.

// directive is one line of an ssh_config file that says something.
type directive struct {
	file string
	line int
	name string   // as written
	key  string   // in lower case, without aliases
	args []string // unquoted words
	rest string   // all after the name, as written
}

// at is where the directive stands, for errors.
func (d directive) at() string { return fmt.Sprintf("%s:%d", d.file, d.line) }

// errorf is an error about the directive.
func (d directive) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", d.at(), d.name, fmt.Errorf(format, args...))
}

// one returns the only argument.
func (d directive) one() (string, error) {
	if len(d.args) != 1 {
		return "", d.errorf("want one value, got %d; quote one that has a space in it", len(d.args))
	}
	return d.args[0], nil
}

// parseConfig splits an ssh_config file into its directives, by OpenSSH's rules for words, quotes and comments.
func parseConfig(file string, text []byte) ([]directive, error) {
	var ds []directive
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.Trim(line, " \t\r\f")
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest := cutName(line)
		d := directive{file: file, line: i + 1, name: name, key: canonical(strings.ToLower(name)), rest: rest}
		if name == "" {
			return nil, fmt.Errorf("%s: there is no directive in front of the =", d.at())
		}
		if strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("%s: there is a NUL character in it", d.at())
		}
		var err error
		if d.args, err = splitWords(rest); err != nil {
			return nil, d.errorf("%w", err)
		}
		if len(d.args) == 0 {
			return nil, d.errorf("the value is missing")
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// cutName splits a line at the first space or equals sign. The name may be quoted.
func cutName(line string) (name, rest string) {
	if line[0] == '"' {
		if end := strings.IndexByte(line[1:], '"'); end >= 0 {
			name, rest = line[1:1+end], line[2+end:]
		} else {
			return line, ""
		}
	} else {
		end := strings.IndexAny(line, " \t\r\"=")
		if end < 0 {
			return line, ""
		}
		name, rest = line[:end], line[end:]
	}
	rest = strings.TrimLeft(rest, " \t\r")
	if after, ok := strings.CutPrefix(rest, "="); ok {
		rest = strings.TrimLeft(after, " \t\r")
	}
	return name, rest
}

// splitWords splits text as OpenSSH's argv_split does: quotes of either kind, a backslash before a quote, a
// backslash or a space, and an end at a # that begins a word.
func splitWords(text string) ([]string, error) {
	var words []string
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' {
			i++
			continue
		}
		if text[i] == '#' {
			break
		}
		word, n, err := oneWord(text[i:])
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		i += n
	}
	return words, nil
}

// oneWord reads the word at the beginning of text and says how long it is as written.
func oneWord(text string) (word string, n int, err error) {
	var b strings.Builder
	quote := byte(0)
	for n = 0; n < len(text); n++ {
		c := text[n]
		switch {
		case c == '\\' && n+1 < len(text) && (strings.IndexByte(`'"\`, text[n+1]) >= 0 || quote == 0 && text[n+1] == ' '):
			n++
			b.WriteByte(text[n])
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), n, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errors.New("a quote is not closed")
	}
	return b.String(), n, nil
}

// matchPattern matches text against a pattern of ssh_config, in which * stands for any text and ? for one byte.
func matchPattern(pattern, text string) bool {
	p, t, star, retry := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0: // let the last * take one byte more
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

// matchPatterns matches text against patterns of which one must fit, and none that begins with ! may.
func matchPatterns(patterns []string, text string) bool {
	found := false
	for _, p := range patterns {
		if inner, not := strings.CutPrefix(p, "!"); not {
			if matchPattern(inner, text) {
				return false
			}
		} else if matchPattern(p, text) {
			found = true
		}
	}
	return found
}
