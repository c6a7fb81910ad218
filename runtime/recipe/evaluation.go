package recipe

import (
	"context"
	"os"
	"strings"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// Prompt asks the admin a question, without echo for a secret. A nil Prompt
// means that there is no terminal.
type Prompt func(ctx context.Context, question string, secret bool) (string, error)

// Evaluation implements the primitives that read declarations, settings, the environment and
// secrets.
type Evaluation struct {
	Stream   *event.Stream                                            // redacts the secrets that are read
	Declare  func(context.Context, Declaration) (script.Proxy, error) // implements recipe{ … }
	Settings *Settings                                                // for validate; may be nil
	Prompt   Prompt                                                   // for secret.prompt; nil without a terminal
	Answers  *Answers                                                 // the answers so far; may be nil

	origins      map[string]Origin // where the project's files set their settings, by name; nil does not record it
	placeholders *placeholders     // replace the environment and secrets; nil reads the real ones
	keep         bool              // keep the answers in Answers: the run evaluates the recipe again
}

// placeholders replace secrets and environment variables while a recipe is only described or
// checked.
type placeholders struct {
	set  bool // every variable is set and empty; otherwise none is set
	used bool
}

// env looks up an environment variable.
func (p *placeholders) env(string) (value string, ok bool) {
	p.used = true
	return "", p.set
}

// secretPlaceholder is the value of every secret while none is read.
const secretPlaceholder = "(secret)"

func (p *placeholders) secret() string {
	p.used = true
	return secretPlaceholder
}

// mayBe reports whether a value may be a placeholder or contain one.
func (p *placeholders) mayBe(value any) bool {
	text, ok := value.(string)
	return ok && p != nil && p.used && (text == "" || strings.Contains(text, secretPlaceholder))
}

// RecipePrimitive declares recipe{ … }.
func (e *Evaluation) RecipePrimitive() script.Primitive {
	declare := func(ctx context.Context, _ script.None, d Declaration) (script.Proxy, error) {
		return e.Declare(ctx, d)
	}
	return script.Func("recipe", script.Reads, "Declare the recipe's summary, hosts and options, and return the "+
		"options. It must come first. "+
		"In each, an option has the value for that host.", declare).
		With("local options = recipe({\n  summary = \"restart the web servers\",\n  hosts = \"production\",\n  " +
			"options = { grace = { 10, \"seconds to wait\", min = 0 } },\n})")
}

type envArgs struct {
	Name    string  `lua:"name,arg" doc:"the environment variable"`
	Default *string `lua:"default,arg,optional" doc:"the value when the variable is not set; nil without one"`
}

// EnvPrimitive declares env(name, default).
func (e *Evaluation) EnvPrimitive() script.Primitive {
	return script.Func("env", script.Pure, "Return an environment variable of runbook, or the default when it is not "+
		"set. check, --help and completion read none, as if it were not set.",
		func(_ context.Context, _ script.None, a envArgs) (*string, error) {
			lookup := os.LookupEnv
			if e.placeholders != nil {
				lookup = e.placeholders.env
			}
			value, ok := lookup(a.Name)
			if ok && (e.placeholders == nil || a.Default == nil) {
				return &value, nil
			}
			return a.Default, nil
		}).With(`local editor = env("EDITOR", "vi")`)
}

// Secret reads a secret and redacts it from then on. While a recipe is only described or checked,
// it reads nothing.
func (e *Evaluation) Secret(read func() (string, error)) (string, error) {
	if e.placeholders != nil {
		return e.placeholders.secret(), nil
	}
	value, err := read()
	if err != nil && e.Settings != nil && e.Settings.Defaults {
		return secretPlaceholder, nil // the settings that use it are replaced by their defaults
	}
	if err != nil {
		return "", err
	}
	e.Stream.AddSecret(value)
	return value, nil
}

// AskSecret is Secret for a value that a person or a program is asked for. key identifies the
// question. An answer that was needed to read the recipe's options is not asked for again in the
// run.
func (e *Evaluation) AskSecret(key string, read func() (string, error)) (string, error) {
	if e.placeholders == nil && e.Settings != nil && e.Settings.Defaults {
		return secretPlaceholder, nil
	}
	if !e.keep {
		if value, ok := e.Answers.take(key); ok {
			return value, nil
		}
	}
	value, err := e.Secret(read)
	if err == nil && e.keep {
		e.Answers.add(key, value)
	}
	return value, err
}

// Answers are the secrets that were asked for while a recipe was read.
type Answers struct {
	mu     sync.Mutex
	values map[string][]string // by question, in the order of the answers
}

func (a *Answers) add(key, value string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.values == nil {
		a.values = map[string][]string{}
	}
	a.values[key] = append(a.values[key], value)
}

// take returns the next answer to a question and forgets it.
func (a *Answers) take(key string) (string, bool) {
	if a == nil {
		return "", false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	values := a.values[key]
	if len(values) == 0 {
		return "", false
	}
	a.values[key] = values[1:]
	return values[0], true
}
