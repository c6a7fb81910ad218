package transfer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Pattern matches files and folders in a folder, as a line of .gitignore does. Without a slash it
// is a name at any depth; otherwise it is a path relative to the folder. * and ? match any
// characters but a slash, [a-z] one of these, ** any number of folders. With a slash at the end the
// pattern matches only folders. A matching folder includes everything in it.
type Pattern string

// CheckLua refuses a pattern that cannot be read.
func (p Pattern) CheckLua() error {
	_, err := p.parse()
	return err
}

// exclusion is a parsed pattern.
type exclusion struct {
	words      []string // of a path, between the slashes
	folderOnly bool
}

func (p Pattern) parse() (exclusion, error) {
	refuse := func(why string) (exclusion, error) {
		return exclusion{}, fmt.Errorf("invalid pattern %q: %s", string(p), why)
	}
	text, folderOnly := strings.CutSuffix(string(p), "/")
	atRoot := strings.Contains(text, "/")
	text = strings.TrimPrefix(text, "/")
	switch {
	case text == "":
		return refuse("it names nothing in the folder")
	case strings.HasPrefix(text, "!"):
		return refuse("what a pattern excludes cannot be included again by !")
	case strings.ContainsRune(text, 0):
		return refuse("it has a NUL byte in it")
	}
	words := strings.Split(text, "/")
	for i, word := range words {
		if word == "" || word == "." || word == ".." {
			return refuse("it is a path in the folder, without empty parts, . and ..")
		}
		words[i] = negate(word)
		if _, err := path.Match(words[i], ""); err != nil {
			return refuse("a [ has no ], or a \\ nothing after it")
		}
	}
	if !atRoot {
		words = append([]string{"**"}, words...)
	}
	return exclusion{words, folderOnly}, nil
}

// negate writes [!a] as path.Match has it, [^a].
func negate(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		b.WriteByte(word[i])
		switch {
		case word[i] == '\\' && i+1 < len(word):
			i++
			b.WriteByte(word[i])
		case word[i] == '[' && i+1 < len(word) && word[i+1] == '!':
			i++
			b.WriteByte('^')
		}
	}
	return b.String()
}

// exclusions are the parsed patterns of an upload.
type exclusions []exclusion

func parsePatterns(patterns []Pattern) (exclusions, error) {
	var list exclusions
	for _, p := range patterns {
		one, err := p.parse()
		if err != nil {
			return nil, fmt.Errorf("exclude: %w", err)
		}
		list = append(list, one)
	}
	return list, nil
}

// match reports whether a pattern matches a path in the folder. No pattern matches the folder
// itself.
func (list exclusions) match(rel string, folder bool) bool {
	if rel == "" {
		return false
	}
	return slices.ContainsFunc(list, func(e exclusion) bool {
		return (folder || !e.folderOnly) && matchWords(e.words, strings.Split(rel, "/"))
	})
}

// matchWords compares the words of a pattern with those of a path.
func matchWords(pattern, names []string) bool {
	for len(pattern) > 0 && pattern[0] != "**" {
		if len(names) == 0 {
			return false
		}
		if same, err := path.Match(pattern[0], names[0]); err != nil || !same {
			return false
		}
		pattern, names = pattern[1:], names[1:]
	}
	switch {
	case len(pattern) == 0:
		return len(names) == 0
	case len(pattern) == 1:
		return len(names) > 0
	}
	for n := range len(names) + 1 {
		if matchWords(pattern[1:], names[n:]) {
			return true
		}
	}
	return false
}

var errFolderOptions = errors.New("exclude and delete are for folders, and this is a file")
