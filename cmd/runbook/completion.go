package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

//go:embed shells
var shells embed.FS

// shellNames are the shells that are known.
func shellNames() []string { return []string{"bash", "zsh", "fish"} }

// completionCommand is `runbook completion`.
func (p *program) completionCommand() *cli.Command {
	return &cli.Command{Name: "completion", Usage: "what a shell needs to complete runbook's words", ArgsUsage: strings.Join(shellNames(), "|"),
		Description: "For this shell only: source <(runbook completion bash). The first lines of what it prints say how to keep it.",
		Action: func(cc *cli.Context) error {
			if cc.NArg() != 1 || !slices.Contains(shellNames(), cc.Args().First()) {
				return run.Usage(event.WithHint(errors.New("which shell?"), "runbook completion "+strings.Join(shellNames(), "|")))
			}
			text, err := shells.ReadFile("shells/runbook." + cc.Args().First())
			if err != nil {
				return err
			}
			_, err = p.out.Write(text)
			return err
		}}
}

// completeName is the command that the shells call; it is in no help.
const completeName = "__complete"

// complete answers a shell. args are the shell's name, and what was typed: for bash $COMP_WORDBREAKS and the line up to the
// cursor, for the others the words behind the command's own name, the last of which is to be completed. Candidates are
// lines; a tab stands before what one means.
func (p *program) complete(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return run.Usage(errors.New("a shell calls this; see runbook completion --help"))
	}
	if args[0] != "bash" {
		for _, c := range p.candidates(ctx, args[1:]) {
			if _, err := fmt.Fprintln(p.out, strings.TrimSuffix(event.OneLine(c.word)+"\t"+event.OneLine(c.about), "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(args) != 3 {
		return run.Usage(errors.New("for bash: the word breaks, and the line"))
	}
	words, open := splitLine(args[2])
	if open || len(words) < 2 {
		return nil
	}
	typed := words[len(words)-1]
	// What bash takes for the word begins behind the last of its word breaks.
	behind := strings.LastIndexAny(typed, strings.Map(notQuoting, args[1])) + 1
	for _, c := range p.candidates(ctx, words[1:]) {
		if len(c.word) < behind {
			continue
		}
		if _, err := fmt.Fprintln(p.out, escaped(event.OneLine(c.word[behind:]))); err != nil {
			return err
		}
	}
	return nil
}

// notQuoting leaves out of bash's word breaks what splitLine has dealt with.
func notQuoting(r rune) rune {
	if strings.ContainsRune(" \t\n\"'", r) {
		return -1
	}
	return r
}

// splitLine takes a command line apart as a shell does, without expanding anything. The last word is the one under the
// cursor, "" behind a space. open says that a quotation has no end yet.
func splitLine(line string) (words []string, open bool) {
	var word strings.Builder
	begun, quote := false, rune(0)
	escape := false
	for _, r := range line {
		switch {
		case escape:
			word.WriteRune(r)
			escape = false
		case r == '\\' && quote != '\'':
			escape, begun = true, true
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
	return append(words, word.String()), quote != 0 || escape
}

// escaped is a word as one types it without quotes.
func escaped(word string) string {
	var b strings.Builder
	for _, r := range word {
		if strings.ContainsRune(" \t\"'\\$`&;|<>()*?[]{}!#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
