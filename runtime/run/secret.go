package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type secretEnvArgs struct {
	Name string `lua:"name,arg" doc:"the environment variable"`
}

type secretFileArgs struct {
	Path string `lua:"path,arg" doc:"a file on this machine; ~/ is the home folder"`
}

type secretPromptArgs struct {
	Name string `lua:"name,arg" doc:"what to ask for"`
}

// secretModule is secret.env, secret.file and secret.prompt. What they return is never shown.
func (r *runner) secretModule() script.Module {
	return script.Module{Name: "secret", Doc: "values that no output, journal or report shows; for check, --help and completion nothing is read", Primitives: []script.Primitive{
		script.Func("env", script.Pure, "Reads a secret from the environment of runbook. Unset or empty is an error.",
			func(ctx context.Context, _ script.None, a secretEnvArgs) (string, error) {
				return r.secret(ctx, func() (string, error) { return secretEnv(a.Name) })
			}).With(`local token = secret.env("API_TOKEN")`),
		script.Func("file", script.Pure, "Reads a secret from a file on this machine, without the line break at its end. A missing or empty file is an error, and so is one that is not a regular file or larger than 1 MiB.",
			func(ctx context.Context, _ script.None, a secretFileArgs) (string, error) {
				return r.secret(ctx, func() (string, error) { return secretFile(a.Path) })
			}).With(`local token = secret.file("~/.config/app/token")`),
		script.Func("prompt", script.Reads, "Asks the admin for a secret, without echo. With no terminal it is an error.",
			func(ctx context.Context, _ script.None, a secretPromptArgs) (string, error) {
				return r.secret(ctx, func() (string, error) { return r.askSecret(ctx, a.Name) })
			}).With(`local password = secret.prompt("database password")`),
	}}
}

// placeholders are what a recipe gets for secrets and variables of the environment while people only look at it.
type placeholders struct {
	set  bool // each variable is set, and empty; else none is
	used bool // there was a placeholder
}

// env is a variable of the environment, and whether it is set.
func (p *placeholders) env(string) (value string, ok bool) {
	p.used = true
	return "", p.set
}

// secretPlaceholder is what a secret is while nothing is read.
const secretPlaceholder = "(secret)"

func (p *placeholders) secret() string {
	p.used = true
	return secretPlaceholder
}

// in says whether a value may be a placeholder, or made of one.
func (p *placeholders) in(value any) bool {
	text, ok := value.(string)
	return ok && p != nil && p.used && (text == "" || strings.Contains(text, secretPlaceholder))
}

// secret returns what read does, and hides it from then on.
func (r *runner) secret(ctx context.Context, read func() (string, error)) (string, error) {
	if r.placeholders != nil {
		return r.placeholders.secret(), nil
	}
	value, err := read()
	if err != nil && r.settings != nil && r.settings.Defaults {
		return secretPlaceholder, nil // nothing depends on it
	}
	if err != nil {
		return "", err
	}
	event.AddSecret(ctx, value)
	return value, nil
}

func secretEnv(name string) (string, error) {
	value := os.Getenv(name)
	if value == "" {
		return "", event.WithHint(fmt.Errorf("the environment variable %s is not set", name), "set it: export "+name+"=…")
	}
	return value, nil
}

func secretFile(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	content, err := script.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return value, nil
}

func (r *runner) askSecret(ctx context.Context, name string) (string, error) {
	if r.opts.Prompt == nil {
		return "", event.WithHint(fmt.Errorf("there is no terminal to ask for %s on", name), "use secret.env or secret.file in the recipe")
	}
	value, err := r.opts.Prompt(ctx, name+": ", true)
	if err == nil && value == "" {
		err = fmt.Errorf("%s was left empty", name)
	}
	return value, err
}
