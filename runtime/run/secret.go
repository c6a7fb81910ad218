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
	return script.Module{Name: "secret", Doc: "values that no output, journal or report shows", Primitives: []script.Primitive{
		script.Func("env", script.Pure, "Reads a secret from the environment of runbook. Unset or empty is an error.",
			func(ctx context.Context, _ script.None, a secretEnvArgs) (string, error) {
				value := os.Getenv(a.Name)
				if value == "" {
					return "", event.WithHint(fmt.Errorf("the environment variable %s is not set", a.Name), "set it: export "+a.Name+"=…")
				}
				event.AddSecret(ctx, value)
				return value, nil
			}).With(`local token = secret.env("API_TOKEN")`),
		script.Func("file", script.Pure, "Reads a secret from a file on this machine, without the line break at its end. A missing or empty file is an error.",
			secretFile).With(`local token = secret.file("~/.config/app/token")`),
		script.Func("prompt", script.Reads, "Asks the admin for a secret, without echo. With no terminal it is an error.",
			func(ctx context.Context, _ script.None, a secretPromptArgs) (string, error) {
				if r.opts.Prompt == nil {
					return "", event.WithHint(fmt.Errorf("there is no terminal to ask for %s on", a.Name), "use secret.env or secret.file in the recipe")
				}
				value, err := r.opts.Prompt(ctx, a.Name+": ", true)
				if err == nil && value == "" {
					err = fmt.Errorf("%s was left empty", a.Name)
				}
				if err != nil {
					return "", err
				}
				event.AddSecret(ctx, value)
				return value, nil
			}).With(`local password = secret.prompt("database password")`),
	}}
}

func secretFile(ctx context.Context, _ script.None, a secretFileArgs) (string, error) {
	path := a.Path
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	event.AddSecret(ctx, value)
	return value, nil
}
