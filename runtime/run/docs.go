package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// Problem is a mistake in a recipe that was found without running it.
type Problem = script.Problem

// Check reads recipes and what they require, and returns every mistake that it is sure of. Nothing is contacted.
// The error is for what keeps it from reading them.
func Check(ctx context.Context, paths []string) ([]Problem, error) {
	lib, err := apiLibrary()
	if err != nil {
		return nil, err
	}
	var all []Problem
	for _, path := range paths {
		problems, err := check(ctx, lib, path)
		if err != nil {
			return nil, err
		}
		all = append(all, problems...)
	}
	return all, nil
}

func check(ctx context.Context, lib *script.Library, path string) ([]Problem, error) {
	d, failed := Describe(ctx, path)
	var opts script.CheckOptions
	for _, o := range d.Options {
		opts.Options = append(opts.Options, o.Name)
	}
	problems, err := lib.Check(path, opts)
	if err != nil || failed == nil || len(problems) > 0 {
		return problems, Usage(err)
	}
	// What reading does not show: a mistake in recipe{ … }, or in a line before it.
	p := Problem{File: path, Line: 1, Col: 1, Message: failed.Error()}
	var at *script.Error
	if errors.As(failed, &at) && at.Line != "" {
		p.File, p.Message = at.Line, at.Err.Error()
		if i := strings.LastIndex(at.Line, ":"); i > 0 {
			p.File = at.Line[:i]
			if _, err := fmt.Sscanf(at.Line[i:], ":%d", &p.Line); err != nil {
				return nil, err
			}
		}
	}
	return []Problem{p}, nil
}

// refuse returns the mistakes of a recipe as one error, or nil.
func refuse(ctx context.Context, path string) error {
	problems, err := Check(ctx, []string{path})
	if err != nil {
		return err
	}
	var lines []string
	for _, p := range problems {
		if !p.Warning {
			lines = append(lines, p.Error())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return Usage(event.WithHint(errors.New(strings.Join(lines, "\n")), "runbook docs NAME shows what a primitive takes"))
}

// Docs is the Lua API, whole for the name "", or one group or entry. An unknown name has StatusUsage.
func Docs(name string) (string, error) {
	lib, err := apiLibrary()
	if err != nil {
		return "", err
	}
	text, err := lib.Docs(name)
	return text, Usage(err)
}

// Stub is the Lua API as a definition file for editors.
func Stub() (string, error) {
	lib, err := apiLibrary()
	if err != nil {
		return "", err
	}
	return lib.Stub(), nil
}

// Markdown is the Lua API as a page.
func Markdown() (string, error) {
	lib, err := apiLibrary()
	if err != nil {
		return "", err
	}
	return lib.Markdown(), nil
}

// apiLibrary is the library as documentation: its primitives belong to no run and are never called.
func apiLibrary() (*script.Library, error) { return (&runner{}).library() }
