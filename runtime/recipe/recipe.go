// Package recipe reads recipes: the options that a recipe declares, the settings that it
// validates, and the mistakes in both.
//
// Its one rule: it contacts no host. What Lua can use is passed in as an API,
// which package run assembles.
package recipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
)

// API is what Lua can use.
type API struct {
	Recipes *script.Library // in recipes
	Tests   *script.Library // in tests of recipes, which can use more
	// NewState makes a state without hosts, where recipe, validate, env and secret do what e says.
	NewState func(e *Evaluation, opts script.StateOptions) (*script.State, error)
	Sources  *source.Cache // the files of all recipes read so far; nil keeps none
	Version  string        // of runbook, for recipes that want another; "" or "(devel)" for a development build
	Reserved []string      // names that options can't have; nil where that does not matter
}

// IsBuiltin reports whether path names a built-in recipe, which a project can run without having a
// copy.
func IsBuiltin(builtin fs.FS, path string) bool {
	return source.Project{Builtin: builtin}.IsBuiltin(path)
}

// BuiltinRecipes returns the file names of the recipes in builtin that the recipes in dir do not
// have.
func BuiltinRecipes(builtin fs.FS, dir string) []string {
	return source.Project{Dir: dir, Builtin: builtin}.BuiltinRecipes()
}

// Description is what a recipe declares in recipe{ … }.
type Description struct {
	Path    string // as given
	Summary string
	Hosts   string   // the name or path of the hosts file, or ""
	Options []Option // sorted by name; nil if the recipe did not reach recipe{ … }
	Columns []string // of the last table, those that come first
}

// Recipe is a recipe that was read. It is checked and run from the same files.
type Recipe struct {
	Description
	Stream   *event.Stream // knows the secrets that reading it found
	Sources  *source.Cache // the files read so far, parsed and compiled
	Settings *Settings     // for validate, in the run too; may be nil
	Answers  *Answers      // the secrets that reading it asked for

	// Origins has the settings of the project's files, such as app.lua, that become defaults of
	// options, by name.
	Origins map[string]Origin

	api     API
	guessed bool // env or secret.* returned placeholders
}

// errDescribed ends the evaluation of a recipe after its declaration.
var errDescribed = errors.New("the recipe has been described")

// evaluationLimit limits how long the lines before recipe{ … } may take: they only compute.
const evaluationLimit = 4 * time.Second

var errEndless = fmt.Errorf("the recipe did not reach recipe{ … } within %s: look for an endless loop before it",
	evaluationLimit)

// Load reads a recipe to run: it evaluates the recipe up to recipe{ … }, with the real values of
// env and secret.*. Nothing is contacted: a primitive that does more than compute ends the
// evaluation, and the recipe then has no options. Secrets are added to stream. settings may be nil.
//
// A run evaluates the recipe from its beginning, because only then its hosts are known.
func Load(ctx context.Context, api API, stream *event.Stream, path string, settings *Settings) (*Recipe, error) {
	r := newRecipe(api, stream, path)
	r.Settings = settings
	return r, r.evaluate(ctx, evaluationLimit, nil)
}

// Describe reads a recipe to show it. It reads no secret, no file and no environment variable for
// the recipe: secret.* returns a placeholder, and env finds no variable set. A recipe that fails
// without them gets every variable set and empty.
//
// settings may be nil.
func Describe(
	ctx context.Context, api API, stream *event.Stream, path string, settings *Settings,
) (Description, error) {
	r, err := describe(ctx, api, stream, path, settings)
	return r.Description, err
}

func describe(ctx context.Context, api API, stream *event.Stream, path string, settings *Settings) (*Recipe, error) {
	r := newRecipe(api, stream, path)
	r.Settings = settings
	err := r.evaluate(ctx, evaluationLimit, &placeholders{})
	if err != nil && r.guessed && ctx.Err() == nil && !errors.Is(err, errEndless) {
		again := newRecipe(api, stream, path)
		again.Settings = settings
		if again.evaluate(ctx, evaluationLimit, &placeholders{set: true}) == nil {
			return again, nil
		}
	}
	return r, err
}

func newRecipe(api API, stream *event.Stream, path string) *Recipe {
	return &Recipe{Description: Description{Path: path}, Stream: stream, Sources: api.Sources.ForRecipe(),
		Origins: map[string]Origin{}, Answers: &Answers{}, api: api}
}

// evaluate runs the recipe up to recipe{ … }. After an error, what was learned until then stays in
// r.
func (r *Recipe) evaluate(ctx context.Context, limit time.Duration, values *placeholders) error {
	// The context ends the evaluation, because the recipe could catch an error.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clock := time.AfterFunc(limit, func() { cancel(errEndless) })
	defer clock.Stop()
	e := &Evaluation{Stream: r.Stream, Settings: r.Settings, Answers: r.Answers, origins: r.Origins,
		placeholders: values, keep: true}
	e.Declare = func(_ context.Context, d Declaration) (script.Proxy, error) {
		err := r.declare(d)
		if err == nil {
			err = errDescribed
			cancel(err)
		}
		return script.Proxy{}, err
	}
	options := script.StateOptions{Print: func(context.Context, string) {}, Files: r.Sources}
	options.Intercept = func(_ context.Context, call script.Call, next func() (any, error)) (any, error) {
		switch {
		case call.Name == "recipe":
			return next()
		case call.Effect == script.Asks: // a person may have to answer, which takes as long as it takes
			clock.Stop()
			defer clock.Reset(limit)
			return next()
		}
		cancel(errDescribed)
		return nil, errDescribed
	}
	if values != nil {
		options.Getenv = values.env
		defer func() { r.guessed = values.used }()
	}
	state, err := r.api.NewState(e, options)
	if err != nil {
		return err
	}
	defer state.Close()
	if err := state.Run(ctx, r.Path); !errors.Is(err, errDescribed) {
		return err
	}
	return nil
}

func (r *Recipe) declare(d Declaration) (err error) {
	r.Summary, r.Hosts, r.Columns = d.Summary, d.Hosts, d.Columns
	if d.Runbook != nil {
		if err := checkVersion(*d.Runbook, r.api.Version); err != nil {
			return err
		}
	}
	for _, o := range d.Options {
		HideURLs(r.Stream, o.Default)
		Option{Secret: o.Secret}.hide(r.Stream, o.Default)
	}
	if r.Options, err = d.Parse(); err != nil {
		return err
	}
	for _, o := range r.Options {
		if slices.Contains(r.api.Reserved, o.Flag()) {
			return fmt.Errorf("option %s: run has an option --%s of its own: choose another name", o.Name, o.Flag())
		}
	}
	return nil
}

// HideURLs registers as secrets the user names and passwords in the URLs within a value of an
// option or of a host's vars.
func HideURLs(stream *event.Stream, value any) {
	switch v := value.(type) {
	case string:
		stream.AddURLs(v)
	case []string:
		for _, item := range v {
			stream.AddURLs(item)
		}
	case []any:
		for _, item := range v {
			HideURLs(stream, item)
		}
	case script.Table:
		HideURLs(stream, v.List)
	}
}
