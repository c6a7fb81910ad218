// Package secret gives recipes values that are hidden in everything that shows or records a run.
//
// Its one rule: a value reaches no event, no argument of a program and no file of runbook's own.
// While a recipe is only described or checked, no file is opened, no program run and no question
// asked.
package secret

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/ssh/shell"
)

// Deps holds what the primitives need from a run.
type Deps struct {
	Read   func(read func() (string, error)) (string, error)             // as recipe.Evaluation.Secret
	Ask    func(key string, read func() (string, error)) (string, error) // as recipe.Evaluation.AskSecret
	Stream *event.Stream                                                 // hides the values
	Prompt func(ctx context.Context, question string, secret bool) (string, error)
}

type envArgs struct {
	Name string `lua:"name,arg" doc:"the environment variable"`
}

type fileArgs struct {
	Path string `lua:"path,arg" doc:"a file on this machine; ~/ is the home folder"`
}

type promptArgs struct {
	Name string `lua:"name,arg" doc:"what to ask for"`
}

type commandArgs struct {
	Argv    []string      `lua:"argv,arg" doc:"the program and its arguments, such as { \"op\", \"read\", \"op://app/database/password\" }"`
	On      *shell.Host   `lua:"on" doc:"the host that runs it; by default this machine does"`
	Timeout time.Duration `lua:"timeout" default:"2m" doc:"the time limit; the program is ended then"`
}

type ageArgs struct {
	Path     string `lua:"path,arg" doc:"a file on this machine that age has encrypted to a recipient, armored or not"`
	Identity string `lua:"identity" default:"~/.config/age/keys.txt" doc:"a file with age identities, as age-keygen writes it, or an SSH key without a passphrase"`
}

type markArgs struct {
	Text string `lua:"text,arg" doc:"the text; fewer than four bytes are not hidden"`
}

// Module declares the group secret.
func Module(d Deps) script.Module {
	const doc = "Values that are hidden in all output. check, --help and completion do not read them."
	return script.Module{Name: "secret", Doc: doc, Primitives: []script.Primitive{
		script.Func("env", script.Pure, "Read a secret from an environment variable of runbook. An unset or empty "+
			"variable is an error.",
			func(_ context.Context, _ script.None, a envArgs) (string, error) {
				return d.Read(func() (string, error) { return readEnv(a.Name) })
			}).With(`local token = secret.env("API_TOKEN")`),
		script.Func("file", script.Pure, "Read a secret from a file on this machine, without the line break at its "+
			"end. A missing or empty file is an error, and so is one that is not a regular file or larger than 1 MiB.",
			func(_ context.Context, _ script.None, a fileArgs) (string, error) {
				return d.Read(func() (string, error) { return readFile(a.Path) })
			}).With(`local token = secret.file("~/.config/app/token")`),
		script.Func("prompt", script.Reads,
			"Ask the admin for a secret, without echo. Without a terminal it is an error.",
			func(ctx context.Context, _ script.None, a promptArgs) (string, error) {
				return d.Read(func() (string, error) { return d.ask(ctx, a.Name) })
			}).With(`local password = secret.prompt("database password")`),
		script.Func("command", script.Asks,
			"Return what a program prints, such as one that reads a password manager, without the line "+
				"break at its end. Nothing of its output is shown or recorded. It has no terminal. "+
				"A status other than 0 and no output are errors.",
			func(ctx context.Context, _ script.None, a commandArgs) (string, error) {
				return d.Ask(a.key(), func() (string, error) { return a.run(ctx) })
			}).With(`local password = secret.command({ "op", "read", "op://app/database/password" })`),
		script.Func("age", script.Pure,
			"Decrypt a file of age (https://age-encryption.org) and return the text, without the line break at its "+
				"end. A file of more than 1 MiB is an error, "+
				"and so is one that is encrypted with a passphrase or to other identities.",
			func(_ context.Context, _ script.None, a ageArgs) (string, error) {
				return d.Read(func() (string, error) { return decrypt(a.Path, a.Identity) })
			}).With(`local password = secret.age("database.age", { identity = "~/.config/age/keys.txt" })`),
		script.Func("mark", script.Pure,
			"Return a text that is hidden in everything that is shown or recorded from now on.",
			func(_ context.Context, _ script.None, a markArgs) (string, error) {
				d.Stream.AddSecret(a.Text)
				return a.Text, nil
			}).With(`local session = secret.mark(json.decode('{"token": "d41d8cd98f00"}').token)`),
	}}
}

func readEnv(name string) (string, error) {
	value := os.Getenv(name)
	if value == "" {
		err := fmt.Errorf("the environment variable %s is not set", name)
		return "", event.WithHint(err, "set it: export "+name+"=…")
	}
	return value, nil
}

func readFile(path string) (string, error) {
	content, err := readAt(path)
	if err != nil {
		return "", err
	}
	return withoutBreak(content, path+" is empty")
}

// readAt reads a small file. ~/ is the home folder.
func readAt(path string) (string, error) {
	path, err := inventory.ExpandHome(path)
	if err != nil {
		return "", err
	}
	content, err := source.ReadFile(path)
	return string(content), err
}

// withoutBreak returns a value without the line break at its end. An empty one is the error empty.
func withoutBreak(text, empty string) (string, error) {
	value := strings.TrimRight(text, "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s", empty)
	}
	return value, nil
}

func (d Deps) ask(ctx context.Context, name string) (string, error) {
	if d.Prompt == nil {
		err := fmt.Errorf("there is no terminal to ask for %s on", name)
		return "", event.WithHint(err, "use secret.env, secret.file or secret.command in the recipe")
	}
	value, err := d.Prompt(ctx, name+": ", true)
	if err == nil && value == "" {
		err = fmt.Errorf("no %s was entered", name)
	}
	return value, err
}
