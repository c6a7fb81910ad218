package sshconfig

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// This parser of ssh_config is our own, because nothing may be ignored.
// github.com/kevinburke/ssh_config 1.6.0, the usual one, differs from `ssh -G`. It drops what
// follows a quoted Host pattern, patterns separated by a tab, and a quoted Include. It lets web?
// match web, cuts a value at any #, compares Match host with the alias, and rejects a whole file
// for one Match exec. TestLikeOpenSSH compares this parser with `ssh -G`.

// Directive is one line of an ssh_config file, without blank lines and comments.
type Directive struct {
	Name string   // as written
	Key  string   // in lower case, without aliases
	Args []string // unquoted words
	Rest string   // all after the name, as written

	file string
	line int
	path string // of the file; "" for a directive that is not from a file
}

// At returns FILE:LINE, for errors.
func (d Directive) At() string { return fmt.Sprintf("%s:%d", d.file, d.line) }

// Errorf returns an error about the directive.
func (d Directive) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", d.At(), d.Name, fmt.Errorf(format, args...))
}

// One returns the only argument.
func (d Directive) One() (string, error) {
	if len(d.Args) != 1 {
		return "", d.Errorf("want one value, got %d; quote a value that contains a space", len(d.Args))
	}
	return d.Args[0], nil
}

// isNone reports whether the value is none.
func (d Directive) isNone() bool { return len(d.Args) == 1 && strings.EqualFold(d.Args[0], "none") }

// YesNo parses a yes/no value.
func (d Directive) YesNo() (bool, error) {
	text, err := d.One()
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, d.Errorf("want yes or no, got %q", text)
}

// Command returns the value of a directive that is a shell command. It keeps its quotes and what
// looks like a comment: both belong to the shell.
func (d Directive) Command() string { return strings.TrimLeft(d.Rest, " \t\r=") }

// Compare orders directives by place.
func (d Directive) Compare(other Directive) int {
	return cmp.Or(cmp.Compare(d.file, other.file), cmp.Compare(d.line, other.line))
}

// parseFile splits an ssh_config file into its directives, by OpenSSH's rules for words, quotes and
// comments. name is the file's name in errors.
func parseFile(name, path string, text []byte) ([]Directive, error) {
	var ds []Directive
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.Trim(line, " \t\r\f")
		if line == "" || line[0] == '#' {
			continue
		}
		key, rest := cutName(line)
		d := Directive{Name: key, Key: canonicalName(strings.ToLower(key)), Rest: rest, file: name, line: i + 1,
			path: path}
		if key == "" {
			return nil, fmt.Errorf("%s: missing directive before the =", d.At())
		}
		if strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("%s: contains a NUL byte", d.At())
		}
		var err error
		if d.Args, err = splitWords(rest); err != nil {
			return nil, d.Errorf("%w", err)
		}
		if len(d.Args) == 0 {
			return nil, d.Errorf("missing value")
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

// splitWords splits text like OpenSSH's argv_split. It knows both kinds of quotes, and a backslash
// before a quote, a backslash or a space. A # that begins a word ends the text.
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
		word, n, err := scanWord(text[i:])
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		i += n
	}
	return words, nil
}

// scanWord returns the first word of text and its length as written.
func scanWord(text string) (word string, n int, err error) {
	var b strings.Builder
	quote := byte(0)
	for n = 0; n < len(text); n++ {
		c := text[n]
		switch {
		case c == '\\' && n+1 < len(text) && (strings.IndexByte(`'"\`, text[n+1]) >= 0 || quote == 0 &&
			text[n+1] == ' '):
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
		return "", 0, errors.New("unclosed quote")
	}
	return b.String(), n, nil
}
