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
	"runbook/runtime/inventory/sshconfig"
	"runbook/runtime/script/source"
)

// read reads the hosts that Options.Hosts names.
func read(ctx context.Context, stream *event.Stream, o Options, me sshconfig.Machine, defaultName string) (list, error) {
	if o.Hosts == "" {
		if o.Stage != "" {
			defaultName = o.Stage
		}
		path, err := defaultFile(o, me, defaultName)
		if err != nil {
			return list{}, err
		}
		return readFile(ctx, stream, me, path)
	}
	path, err := me.Path(me.Dir, o.Hosts)
	if err != nil {
		return list{}, fmt.Errorf("--hosts: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err := fmt.Errorf("--hosts %s: is a folder", o.Hosts)
		return list{}, event.WithHint(err, "name a file in it; for a host of that name write its port too, as in "+filepath.Base(o.Hosts)+":22")
	case err == nil:
		return readFile(ctx, stream, me, path)
	case looksLikeFile(o.Hosts):
		if errors.Is(err, fs.ErrNotExist) {
			return list{}, fmt.Errorf("--hosts %s: no such file", o.Hosts)
		}
		return list{}, fmt.Errorf("--hosts %s: %w", o.Hosts, err)
	}
	return parseCommas(o.Hosts)
}

// looksLikeFile distinguishes the path of a missing file from a list of hosts.
func looksLikeFile(s string) bool {
	return !strings.Contains(s, ",") && (strings.ContainsAny(s, `/\~`) || slices.Contains([]string{".lua", ".txt", ".ini", ".yml", ".yaml"}, filepath.Ext(s)))
}

// defaultFile returns the path of the recipe's own hosts file.
func defaultFile(o Options, me sshconfig.Machine, name string) (string, error) {
	if name == "" {
		return "", event.WithHint(errors.New("no hosts given"),
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
			dir = filepath.Join(me.Dir, dir)
		}
		candidates = append(candidates, filepath.Join(dir, "..", "hosts", name+".lua"))
	}
	if under := filepath.Join(me.Dir, "hosts", name+".lua"); !slices.Contains(candidates, under) {
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
		candidates[i] = me.Display(path)
	}
	return "", event.WithHint(fmt.Errorf("hosts file %q: not found: %s", name, strings.Join(candidates, ", ")),
		"write one (runbook init creates an example), or give --hosts FILE or --hosts web1,web2")
}

// readFile reads a Lua or a text file of hosts.
func readFile(ctx context.Context, stream *event.Stream, me sshconfig.Machine, path string) (list, error) {
	text, err := source.ReadShown(path)
	if err != nil {
		return list{}, err
	}
	stream.AddURLs(string(text))
	if strings.HasSuffix(path, ".lua") {
		l, err := parseLua(ctx, me, me.Display(path), filepath.Dir(path), text)
		for _, e := range append(l.entries, l.defaults) {
			for _, secret := range e.secrets {
				stream.AddSecret(secret)
			}
		}
		return l, err
	}
	return parseText(me.Display(path), text)
}
