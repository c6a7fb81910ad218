// Package complete speaks with the shells that complete runbook's words. It knows no command: the
// caller finds the candidates.
package complete

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// Command is the hidden command that the shells call.
const Command = "__complete"

//go:embed shells
var shells embed.FS

// Shells returns the names of the shells that have a script.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Script returns what a shell must read to complete runbook's words.
func Script(shell string) ([]byte, error) { return shells.ReadFile("shells/runbook." + shell) }

// Candidate is a word that may take the place of the word under the cursor.
type Candidate struct{ Word, About string }

// Words makes candidates of words without a description.
func Words(words ...string) []Candidate {
	found := make([]Candidate, len(words))
	for i, w := range words {
		found[i].Word = w
	}
	return found
}

// Matching returns the candidates that begin with the typed text, each once.
func Matching(all []Candidate, typed string) []Candidate {
	var found []Candidate
	for _, c := range all {
		if strings.HasPrefix(c.Word, typed) && !slices.ContainsFunc(found,
			func(f Candidate) bool { return f.Word == c.Word }) {
			found = append(found, c)
		}
	}
	return found
}

// Files returns the folders, and the files that pass wanted, in the folder of the typed path. A
// folder ends in a slash.
func Files(typed string, wanted func(name string) bool) []Candidate {
	folder, begun := filepath.Split(typed)
	look, err := inventory.ExpandHome(cmp.Or(folder, "."))
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(look)
	if err != nil {
		return nil
	}
	var found []Candidate
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, begun) || strings.HasPrefix(name, ".") && begun == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(look, name)) // follows symlinks
		switch {
		case err != nil:
		case info.IsDir():
			found = append(found, Candidate{Word: folder + name + "/"})
		case wanted(name):
			found = append(found, Candidate{Word: folder + name})
		}
	}
	return found
}

// Answer writes the candidates for what was typed, one a line. args are those of Command: the
// shell's name, then for bash $COMP_WORDBREAKS and the line up to the cursor, for the others the
// words after "runbook", the last of which is to be completed. For shells other than bash a tab
// precedes the description.
func Answer(w io.Writer, args []string, candidates func(words []string) []Candidate) error {
	if len(args) < 2 {
		return run.Usage(errors.New("a shell calls this; see runbook completion --help"))
	}
	if args[0] == "bash" {
		return answerBash(w, args[1:], candidates)
	}
	for _, c := range candidates(args[1:]) {
		if _, err := fmt.Fprintln(w, strings.TrimSuffix(event.OneLine(c.Word)+"\t"+event.OneLine(c.About),
			"\t")); err != nil {
			return err
		}
	}
	return nil
}

func answerBash(w io.Writer, args []string, candidates func(words []string) []Candidate) error {
	if len(args) != 2 {
		return run.Usage(errors.New("bash must pass its word breaks and the line"))
	}
	words, open := split(args[1])
	if open || len(words) < 2 {
		return nil
	}
	typed := words[len(words)-1]
	// To bash, the word begins after the last of its word breaks. split has dealt with spaces and
	// quotes.
	breaks := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\n\"'", r) {
			return -1
		}
		return r
	}, args[0])
	begin := strings.LastIndexAny(typed, breaks) + 1
	for _, c := range candidates(words[1:]) {
		if len(c.Word) < begin {
			continue
		}
		if _, err := fmt.Fprintln(w, escape(event.OneLine(c.Word[begin:]))); err != nil {
			return err
		}
	}
	return nil
}

// split splits a command line into words as a shell does, without expanding anything. The last word
// is the one under the cursor, "" after a space. open reports an unfinished quotation.
func split(line string) (words []string, open bool) {
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return append(words, word.String()), quote != 0 || escaped
}

// escape puts a backslash before characters that mean something to bash, so that the word stays
// editable.
func escape(word string) string {
	var b strings.Builder
	for _, r := range word {
		if strings.ContainsRune(" \t\"'\\$`&;|<>()*?[]{}!#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
