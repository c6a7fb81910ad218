// Package man writes manual pages in the language of man(7).
package man

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Page is one page of section 1.
type Page struct {
	Name, Summary string
	Version       string // in the footer
	Synopsis      string
	Description   string
	Lists         []List
	SeeAlso       string // another page of section 1, or ""
}

// List is a section of a page that explains terms, such as options.
type List struct {
	Title string
	Items [][2]string // a term and its explanation
	After string      // text after the list, or ""
}

// Write writes the page as NAME.1 into the folder dir. It has no date, so the same program writes
// the same bytes.
func (p Page) Write(dir string) error {
	return os.WriteFile(filepath.Join(dir, p.Name+".1"), []byte(p.text()), 0o644)
}

func (p Page) text() string {
	var b strings.Builder
	name := escape(p.Name)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"runbook %s\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n",
		strings.ToUpper(name), escape(p.Version), name, escape(p.Summary), escape(p.Synopsis))
	if p.Description != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", escape(p.Description))
	}
	for _, l := range p.Lists {
		fmt.Fprintf(&b, ".SH %s\n", escape(l.Title))
		for _, item := range l.Items {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", escape(item[0]), escape(item[1]))
		}
		if l.After != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", escape(l.After))
		}
	}
	if p.SeeAlso != "" {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", escape(p.SeeAlso))
	}
	return b.String()
}

// escape escapes text: a backslash, a minus that someone may copy, and a line that would be a
// request.
func escape(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		switch {
		case line == "":
			lines[i] = ".PP"
		case strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'"):
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
