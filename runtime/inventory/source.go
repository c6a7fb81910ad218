package inventory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
)

// largest is how long a hosts file or an ssh_config file may be. A thousand hosts take a tenth of it.
const largest = 1 << 20

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
	text, err := slurp(path)
	if err != nil {
		return list{}, err
	}
	event.AddURLs(ctx, string(text))
	if strings.HasSuffix(path, ".lua") {
		return parseLua(ctx, me, shown(me, path), filepath.Dir(path), text)
	}
	return parseText(shown(me, path), text)
}

// slurp reads a file of at most largest bytes.
func slurp(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largest {
		return nil, fmt.Errorf("%s: it is larger than %d bytes, which no such file needs to be", path, largest)
	}
	return text, nil
}

// shown is path as errors name it: the way it looks from where we are, or in full when it lies elsewhere.
func shown(me machine, path string) string {
	if rel, err := filepath.Rel(me.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
