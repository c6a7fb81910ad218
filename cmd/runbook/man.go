package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeManPages writes a page in section 1 for runbook and for each command, as roff of man(7). The
// folder must exist. Pages have the texts of --help, and the version but no date of their own, so the
// same program writes the same pages.
func (p *program) writeManPages(dir string) error {
	all := p.commands()
	pages := map[string]string{"runbook": overviewPage(all)}
	for _, c := range all {
		pages["runbook-"+c.name] = commandPage(c)
	}
	var errs []error
	for name, text := range pages {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name+".1"), []byte(text), 0o644))
	}
	return errors.Join(errs...)
}

func overviewPage(all []command) string {
	var b strings.Builder
	pageBegin(&b, "runbook", "release an application on servers, and roll it back")
	b.WriteString(".B runbook\n.I COMMAND\n[options]\n.SH COMMANDS\n")
	for _, c := range all {
		fmt.Fprintf(&b, ".TP\n.BR runbook\\-%s (1)\n%s\n", roff(c.name), roff(c.summary))
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range [][2]string{
		{"0", "done on every host"},
		{"1", "a step failed on some host"},
		{"2", "the command line, a recipe, app.lua or a hosts file is wrong; no host was contacted"},
		{"3", "refused before any change"},
		{"130", "interrupted"},
	} {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", s[0], s[1])
	}
	return b.String()
}

func commandPage(c command) string {
	var b strings.Builder
	pageBegin(&b, "runbook-"+c.name, c.summary)
	fmt.Fprintf(&b, ".B runbook %s\n", roff(c.name))
	if arguments := c.argument.String(); arguments != "" {
		fmt.Fprintf(&b, ".I %s\n", roff(arguments))
	}
	if len(c.flags) > 0 {
		b.WriteString("[options]\n")
	}
	if c.description != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(c.description))
	}
	if len(c.flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
	}
	for _, f := range c.flags {
		left, right := flagTexts(f)
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(left), roff(right))
	}
	if len(c.flags) > 0 {
		b.WriteString(".SH ENVIRONMENT\nEvery long option can also be set in the environment: " +
			"\\-\\-connect\\-timeout is RUNBOOK_CONNECT_TIMEOUT.\n")
	}
	b.WriteString(".SH SEE ALSO\n.BR runbook (1)\n")
	return b.String()
}

// pageBegin writes a page's title and name, and begins its synopsis.
func pageBegin(b *strings.Builder, name, summary string) {
	fmt.Fprintf(b, ".TH %s 1 \"\" \"runbook %s\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n",
		strings.ToUpper(roff(name)), roff(readBuild().version), roff(name), roff(summary))
}

// roff escapes text for man(7): a backslash, a minus that someone may copy, and a line that would be
// a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
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
