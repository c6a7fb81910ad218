package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// CompareOptions are the arguments of Compare.
type CompareOptions struct {
	Repo         string   // where to fetch what is missing, or "" to fetch nothing
	From, To     string   // commit hashes
	Branch       string   // where to find To if the server sends no single commits, or ""
	Stores       []string // absolute paths of repositories on the host whose objects are used, if they exist
	Requirements string   // a requirements file in the repository, or ""
	Max          int      // how many commits to list of each side
}

// Commit is a commit in a Comparison.
type Commit struct {
	Revision string `lua:"revision"`
	Date     string `lua:"date"` // of the author, such as 2026-01-05
	Author   string `lua:"author"`
	Subject  string `lua:"subject"`
}

// ChangedFile is a file that differs between two commits.
type ChangedFile struct {
	Status string `lua:"status"` // A, D, M or T, as git diff --name-status
	Path   string `lua:"path"`
}

// Text is a file at both commits; "" where it is missing.
type Text struct {
	Path string `lua:"path"`
	Old  string `lua:"old"`
	New  string `lua:"new"`
}

// Comparison describes the history between two commits.
type Comparison struct {
	Relation string        `lua:"relation"` // of To to From: same, ahead, behind, diverged, unrelated; unknown where history is missing
	Ahead    int           `lua:"ahead"`    // how many commits only To has
	Behind   int           `lua:"behind"`   // how many commits only From has
	Added    []Commit      `lua:"added"`    // those that only To has, the newest first
	Removed  []Commit      `lua:"removed"`  // those that only From has, the newest first
	Files    []ChangedFile `lua:"files"`    // the files that differ
	Texts    []Text        `lua:"texts"`    // the requirements file, and the files that it includes
}

// The limits of a comparison.
const (
	mostFiles   = 10_000
	mostSubject = 200     // characters
	mostAuthor  = 60      // characters
	mostFetched = 1 << 30 // bytes
)

// Compare compares two commits, with the objects of repositories on the host. It fetches what is
// missing into a temporary folder, and changes nothing.
func (d Deps) Compare(ctx context.Context, h *shell.Host, o CompareOptions) (Comparison, error) {
	var r Repo
	err := errors.Join(CheckRevision(o.From), CheckRevision(o.To))
	if err == nil && o.Repo != "" {
		r, err = d.repo(ctx, h, o.Repo)
	}
	if err == nil && o.Branch != "" {
		err = CheckRef(o.Branch)
	}
	for _, store := range o.Stores {
		err = cmp.Or(err, checkPath("stores", store))
	}
	if strings.HasPrefix(o.Requirements, "-") || strings.ContainsAny(o.Requirements, "\n\x00") {
		err = cmp.Or(err, fmt.Errorf("requirements: want a path in the repository, got %q", o.Requirements))
	}
	if err != nil {
		return Comparison{}, err
	}
	out, err := d.run(ctx, h, job{repo: r, show: fmt.Sprintf("git log %.12s..%.12s", o.From, o.To),
		script: compareScript,
		args: []string{r.URL, o.To, o.From, o.Branch, strings.Join(o.Stores, "\n"), strconv.Itoa(o.Max),
			strconv.Itoa(mostFetched / 512), strings.TrimPrefix(o.Requirements, "./")}})
	if err != nil {
		return Comparison{}, err
	}
	c, err := parseComparison(out)
	if err != nil {
		return c, fmt.Errorf("%s: git log %.12s..%.12s: %w", h.Name(), o.From, o.To, err)
	}
	return c, nil
}

// parseComparison parses the blocks that compare.sh prints.
func parseComparison(out string) (Comparison, error) {
	c := Comparison{Added: []Commit{}, Removed: []Commit{}, Files: []ChangedFile{}, Texts: []Text{}}
	for out != "" {
		head, rest, _ := strings.Cut(out, "\n")
		size, name, ok := strings.Cut(head, " ")
		n, err := strconv.Atoi(size)
		if !ok || err != nil || n < 0 || n > len(rest) {
			return c, errors.New("the answer is damaged")
		}
		c.add(name, rest[:n])
		out = rest[n:]
	}
	switch c.Relation {
	case "same", "ahead", "behind", "diverged", "unrelated", "unknown":
		return c, nil
	}
	return c, errors.New("the answer is incomplete")
}

func (c *Comparison) add(name, text string) {
	kind, path, _ := strings.Cut(name, " ")
	switch kind {
	case "relation":
		c.Relation = text
	case "ahead":
		c.Ahead, _ = strconv.Atoi(strings.TrimSpace(text)) // git printed it
	case "behind":
		c.Behind, _ = strconv.Atoi(strings.TrimSpace(text))
	case "added":
		c.Added = parseCommits(text)
	case "removed":
		c.Removed = parseCommits(text)
	case "files":
		c.Files = parseFiles(text)
	case "old":
		c.Texts = append(c.Texts, Text{Path: path, Old: text})
	case "new":
		if n := len(c.Texts); n > 0 {
			c.Texts[n-1].New = text
		}
	}
}

// parseCommits parses lines of hash, date, author and subject. A line that was cut off is left out.
func parseCommits(text string) []Commit {
	commits := []Commit{}
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\x00", 4)
		if len(fields) < 4 || !strings.HasSuffix(line, "\n") {
			continue
		}
		commits = append(commits, Commit{fields[0], fields[1], shorten(fields[2], mostAuthor),
			shorten(fields[3], mostSubject)})
	}
	return commits
}

// shorten returns at most so many characters of a line.
func shorten(text string, most int) string {
	line := []rune(event.OneLine(text))
	if len(line) > most {
		line = append(line[:most], '…')
	}
	return string(line)
}

// parseFiles parses pairs of status and path, each ended by a zero byte.
func parseFiles(text string) []ChangedFile {
	files := []ChangedFile{}
	fields := strings.Split(text, "\x00")
	for i := 0; i+2 < len(fields) && len(files) < mostFiles; i += 2 {
		files = append(files, ChangedFile{fields[i], fields[i+1]})
	}
	return files
}
