package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/complete"
	"runbook/cmd/runbook/project"
	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/event"
	"runbook/runtime/event/journal"
	"runbook/runtime/recipe"
	apidocs "runbook/runtime/script/docs"
)

// values returns the candidates for an option's value or an argument.
func (l *typedLine) values(v value, typed string) []complete.Candidate {
	isRecipe := func(name string) bool { return strings.HasSuffix(name, ".lua") && !recipe.IsTest(name) }
	switch v.offer {
	case oneWord:
		return complete.Matching(complete.Words(v.words...), typed)
	case anyFile:
		return complete.Files(typed, func(string) bool { return true })
	case folder:
		return complete.Files(typed, func(string) bool { return false })
	case recipeFile:
		return append(complete.Matching(recipeNames(), typed), complete.Files(typed, isRecipe)...)
	case testFile:
		return complete.Files(typed, recipe.IsTest)
	case apiName:
		api, err := recipetest.API()
		if err != nil {
			return nil
		}
		return append(complete.Matching(complete.Words(apidocs.Names(api.Tests)...), typed),
			complete.Files(typed, isRecipe)...)
	case stageName:
		return complete.Matching(complete.Words(project.Stages(l.recipeFolder())...), typed)
	case hostPattern:
		return l.hosts(typed, true)
	case hostName:
		if len(l.args) > 0 {
			return nil
		}
		return l.hosts(typed, false)
	case pastRun:
		return complete.Matching(pastRuns(), typed)
	case pastResult:
		return complete.Matching(pastResults(v.words), typed)
	}
	return nil
}

// recipeNames returns the names of the files in recipes/ that may be recipes. Summaries are not
// read, because completion must be fast.
func recipeNames() []complete.Candidate {
	var found []complete.Candidate
	for _, f := range project.Files() {
		if filepath.Dir(f.Path) == project.Folder {
			found = append(found, complete.Candidate{Word: f.Name, About: f.Path})
		}
	}
	return found
}

// hosts returns the names of the hosts that the command would use, and with tags, for --only and
// --except, their tags. Such a value may have several, separated by commas.
func (l *typedLine) hosts(typed string, tags bool) []complete.Candidate {
	var found []complete.Candidate
	command := l.command
	command.action = func(call *cli.Context) error {
		opts, err := inventoryOptions(call)
		if err != nil {
			return err
		}
		opts.Only, opts.Except = nil, nil
		opts.Offline = true // completion must not run commands of ssh_config
		hosts, err := l.loadHosts(l.ctx, opts, l.recipe)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			found = append(found, complete.Candidate{Word: h.Name, About: h.Address})
		}
		for _, h := range hosts {
			for _, tag := range h.Tags {
				found = append(found, complete.Candidate{Word: "tag:" + tag, About: "hosts with this tag"})
			}
		}
		if !tags {
			found = found[:len(hosts)]
		}
		return nil
	}
	l.line.open = nil // drops the value that is being typed
	if l.validate(command.flags) != nil || l.parse(l.ctx, command, l.line) != nil {
		return nil
	}
	done := typed[:strings.LastIndex(typed, ",")+1]
	for i := range found {
		found[i].Word = done + found[i].Word
	}
	return complete.Matching(found, typed)
}

// journaledRuns returns the runs on record, or none where the journal cannot be read.
func journaledRuns() []journal.Run {
	dir, err := journal.Dir()
	if err != nil {
		return nil
	}
	runs, _ := journal.List(dir)
	return runs
}

func pastRuns() []complete.Candidate {
	var found []complete.Candidate
	for _, r := range journaledRuns() {
		found = append(found, complete.Candidate{Word: r.ID, About: r.Recipe + ", " + r.Outcome()})
	}
	return found
}

// pastResults returns the cells of these columns in the last table of the last run that has any. A
// dry run has none.
func pastResults(columns []string) []complete.Candidate {
	for _, r := range journaledRuns() {
		if r.DryRun {
			continue
		}
		var found []complete.Candidate
		for e, err := range journal.Events(r.Path) {
			if err != nil || e.Kind != event.Result {
				continue
			}
			for _, name := range columns {
				if text := e.Columns[name]; text != "" {
					about := name + " in " + filepath.Base(r.Recipe) + " of " + r.ID
					found = append(found, complete.Candidate{Word: text, About: about})
				}
			}
		}
		if len(found) > 0 {
			slices.SortStableFunc(found, func(a, b complete.Candidate) int { return strings.Compare(a.Word, b.Word) })
			return found
		}
	}
	return nil
}
