package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// read finds out what Options.Hosts means and reads it.
func read(ctx context.Context, o Options, me machine, defaultName string) (list, error) {
	if o.Hosts == "" {
		path, err := defaultFile(o, me, defaultName)
		if err != nil {
			return list{}, err
		}
		return readFile(ctx, me, path)
	}
	path, err := me.path(me.dir, o.Hosts)
	if err != nil {
		return list{}, fmt.Errorf("--hosts: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err := fmt.Errorf("--hosts %s: that is a folder", o.Hosts)
		return list{}, event.WithHint(err, "name a file in it; for a host of that name write its port too, as in "+filepath.Base(o.Hosts)+":22")
	case err == nil:
		return readFile(ctx, me, path)
	case looksLikeFile(o.Hosts):
		if errors.Is(err, fs.ErrNotExist) {
			return list{}, fmt.Errorf("--hosts %s: there is no such file", o.Hosts)
		}
		return list{}, fmt.Errorf("--hosts %s: %w", o.Hosts, err)
	}
	return parseCommas(o.Hosts)
}

// looksLikeFile tells a path that leads nowhere from a list of hosts.
func looksLikeFile(s string) bool {
	return !strings.Contains(s, ",") && (strings.ContainsAny(s, `/\~`) || strings.HasSuffix(s, ".lua") || strings.HasSuffix(s, ".txt"))
}

// defaultFile is where the recipe's own hosts file is.
func defaultFile(o Options, me machine, name string) (string, error) {
	if name == "" {
		return "", event.WithHint(errors.New("no hosts are given"),
			`give --hosts FILE or --hosts web1,web2, or write hosts = "production" in the recipe, for hosts/production.lua`)
	}
	if err := checkName(name); err != nil || strings.HasSuffix(name, ".lua") || !filepath.IsLocal(name) {
		return "", event.WithHint(fmt.Errorf("hosts = %q in the recipe: want the name of a file in hosts/, without .lua", name),
			`hosts = "production" means hosts/production.lua; another file is given by --hosts`)
	}
	var candidates []string
	if o.RecipeDir != "" {
		dir := o.RecipeDir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(me.dir, dir)
		}
		candidates = append(candidates, filepath.Join(dir, "..", "hosts", name+".lua"))
	}
	if under := filepath.Join(me.dir, "hosts", name+".lua"); !slices.Contains(candidates, under) {
		candidates = append(candidates, under)
	}
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	for i, path := range candidates {
		candidates[i] = shown(me, path)
	}
	return "", event.WithHint(fmt.Errorf("hosts file %q: there is no %s", name, strings.Join(candidates, " and no ")),
		"write one (runbook init makes an example), or give --hosts FILE or --hosts web1,web2")
}

// readFile reads a hosts file of either kind.
func readFile(ctx context.Context, me machine, path string) (list, error) {
	text, err := script.ReadShown(path)
	if err != nil {
		return list{}, err
	}
	event.AddURLs(ctx, string(text))
	if strings.HasSuffix(path, ".lua") {
		return parseLua(ctx, me, shown(me, path), filepath.Dir(path), text)
	}
	return parseText(shown(me, path), text)
}

// shown is path as errors name it: the way it looks from where we are, or in full when it lies elsewhere.
func shown(me machine, path string) string {
	if rel, err := filepath.Rel(me.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
