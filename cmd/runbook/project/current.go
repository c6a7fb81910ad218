package project

import (
	"context"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/recipe"
)

// CurrentFolder returns ROOT/current on a host, or "" where nothing sets ROOT. ROOT is the option
// root of release.lua. given is its value in the environment, or "".
func CurrentFolder(ctx context.Context, h inventory.Host, given string,
	describe func(context.Context, string) (recipe.Description, error)) (string, error) {
	root := recipe.Option{Name: "root", Kinds: []recipe.Kind{recipe.String}}
	if path, err := Recipe("release"); err == nil {
		d, err := describe(ctx, path)
		if err != nil {
			return "", err
		}
		if i := slices.IndexFunc(d.Options, func(o recipe.Option) bool { return o.Name == root.Name }); i >= 0 {
			root = d.Options[i]
		}
	}
	texts := map[string][]string{}
	if given != "" {
		texts[root.Name] = []string{given}
	}
	values, err := recipe.NewValues([]recipe.Option{root}, texts, []inventory.Host{h})
	if err != nil {
		return "", err
	}
	value, err := values.Get(event.WithHost(ctx, h.Name), root.Name)
	if text, ok := value.(string); ok && strings.HasPrefix(text, "/") {
		return strings.TrimRight(text, "/") + "/current", err
	}
	return "", err
}
