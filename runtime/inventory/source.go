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

// read reads the hosts that Options.Hosts names, or else the default file.
func read(
	ctx context.Context, stream *event.Stream, o Options, me sshconfig.Machine, defaultName string,
) (list, error) {
	r := reader{ctx: ctx, stream: stream, me: me, offline: o.Offline}
	if len(o.Hosts) == 0 {
		if o.Stage != "" {
			defaultName = o.Stage
		}
		path, err := defaultFile(o, me, defaultName)
		if err != nil {
			return list{}, err
		}
		return r.file(path)
	}
	var all list
	for _, given := range o.Hosts {
		l, err := r.option(given)
		if err != nil {
			return list{}, err
		}
		for _, e := range l.entries {
			if len(o.Hosts) > 1 {
				e.place = e.label // "host 2" could be in any source
			}
			all.entries = append(all.entries, e)
		}
	}
	return all, nil
}

// reader reads hosts from files, programs and lists.
type reader struct {
	ctx     context.Context
	stream  *event.Stream // gets the secrets that are found
	me      sshconfig.Machine
	offline bool // run no program
}

// option reads one value of --hosts.
func (r reader) option(given string) (list, error) {
	path, err := r.me.Path(r.me.Dir, given)
	if err != nil {
		return list{}, fmt.Errorf("--hosts: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err := fmt.Errorf("--hosts %s: is a folder", given)
		return list{}, event.WithHint(err,
			"name a file in it; for a host of that name write its port too, as in "+filepath.Base(given)+":22")
	case err == nil && isProgram(path, info):
		return r.program(path)
	case err == nil:
		return r.file(path)
	case looksLikeFile(given):
		if errors.Is(err, fs.ErrNotExist) {
			return list{}, fmt.Errorf("--hosts %s: no such file", given)
		}
		return list{}, fmt.Errorf("--hosts %s: %w", given, err)
	}
	return parseCommas(given)
}

// looksLikeFile distinguishes the path of a missing file from a list of hosts.
func looksLikeFile(s string) bool {
	return !strings.Contains(s, ",") && (strings.ContainsAny(s, `/\~`) ||
		slices.Contains([]string{".lua", ".json", ".txt", ".ini", ".yml", ".yaml"}, filepath.Ext(s)))
}

// defaultFile returns the path of the recipe's own hosts file.
func defaultFile(o Options, me sshconfig.Machine, name string) (string, error) {
	if name == "" {
		return "", event.WithHint(errors.New("no hosts given"),
			`give --hosts FILE or --hosts web1,web2, `+
				`or write hosts = "production" in the recipe, for hosts/production.lua`)
	}
	if err := checkName(name); err != nil || strings.HasSuffix(name, ".lua") || !filepath.IsLocal(name) {
		return "", event.WithHint(
			fmt.Errorf("hosts = %q in the recipe: want the name of a file in hosts/, without .lua", name),
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

// file reads a file of hosts: Lua, JSON or text.
func (r reader) file(path string) (l list, err error) {
	text, err := source.ReadShown(path)
	if err != nil {
		return list{}, err
	}
	r.stream.AddURLs(string(text))
	shown := r.me.Display(path)
	switch filepath.Ext(path) {
	case ".lua":
		l, err = parseLua(r.ctx, r.me, shown, filepath.Dir(path), text)
	case ".json":
		l, err = parseJSON(r.me, shown, filepath.Dir(path), text)
	default:
		return parseText(shown, text)
	}
	for _, e := range append(l.entries, l.defaults) {
		for _, secret := range e.secrets {
			r.stream.AddSecret(secret)
		}
	}
	return l, err
}
