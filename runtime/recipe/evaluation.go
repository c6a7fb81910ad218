package recipe

import (
	"context"
	"fmt"
	"os"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
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

	origins      map[string]Origin // where the project's files set their settings, by name; nil does not record it
	placeholders *placeholders     // replace the environment and secrets; nil reads the real ones
}

// placeholders replace secrets and environment variables while a recipe is only looked at.
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

type secretEnvArgs struct {
	Name string `lua:"name,arg" doc:"the environment variable"`
}

type secretFileArgs struct {
	Path string `lua:"path,arg" doc:"a file on this machine; ~/ is the home folder"`
}

type secretPromptArgs struct {
	Name string `lua:"name,arg" doc:"what to ask for"`
}

// SecretModule declares secret.env, secret.file and secret.prompt.
func (e *Evaluation) SecretModule() script.Module {
	const doc = "Values that are hidden in all output. check, --help and completion do not read them."
	return script.Module{Name: "secret", Doc: doc, Primitives: []script.Primitive{
		script.Func("env", script.Pure, "Read a secret from an environment variable of runbook. An unset or empty "+
			"variable is an error.",
			func(_ context.Context, _ script.None, a secretEnvArgs) (string, error) {
				return e.secret(func() (string, error) { return secretEnv(a.Name) })
			}).With(`local token = secret.env("API_TOKEN")`),
		script.Func("file", script.Pure, "Read a secret from a file on this machine, without the line break at its "+
			"end. A missing or empty file is an error, and so is one that is not a regular file or larger than 1 MiB.",
			func(_ context.Context, _ script.None, a secretFileArgs) (string, error) {
				return e.secret(func() (string, error) { return secretFile(a.Path) })
			}).With(`local token = secret.file("~/.config/app/token")`),
		script.Func("prompt", script.Reads, "Ask the admin for a secret, without echo. Without a terminal it is an error.",
			func(ctx context.Context, _ script.None, a secretPromptArgs) (string, error) {
				return e.secret(func() (string, error) { return e.promptSecret(ctx, a.Name) })
			}).With(`local password = secret.prompt("database password")`),
	}}
}

// secret reads a secret and redacts it from then on.
func (e *Evaluation) secret(read func() (string, error)) (string, error) {
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

func secretEnv(name string) (string, error) {
	value := os.Getenv(name)
	if value == "" {
		err := fmt.Errorf("the environment variable %s is not set", name)
		return "", event.WithHint(err, "set it: export "+name+"=…")
	}
	return value, nil
}

func secretFile(path string) (string, error) {
	path, err := inventory.ExpandHome(path)
	if err != nil {
		return "", err
	}
	content, err := source.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return value, nil
}

func (e *Evaluation) promptSecret(ctx context.Context, name string) (string, error) {
	if e.Prompt == nil {
		err := fmt.Errorf("there is no terminal to ask for %s on", name)
		return "", event.WithHint(err, "use secret.env or secret.file in the recipe")
	}
	value, err := e.Prompt(ctx, name+": ", true)
	if err == nil && value == "" {
		err = fmt.Errorf("no %s was entered", name)
	}
	return value, err
}
