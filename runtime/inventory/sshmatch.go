package inventory

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// deepest is how far Include may nest, as in OpenSSH.
const deepest = 16

// config reads ssh_config files, each once.
type config struct {
	me   machine
	main []directive
	read func(path string) ([]byte, error)
	glob func(pattern string) ([]string, error)
	seen map[string][]directive
}

// values is what ssh_config says of one host: of each directive the first value that applies, of those that add up
// all. Nothing is expanded yet.
type values struct {
	alias string // the host as it would be typed behind ssh
	me    machine
	first map[string]directive
	all   map[string][]directive // identityfile, certificatefile
	skip  []string               // patterns of IgnoreUnknown
}

// lookup finds what the files say about the host that one would reach by typing ssh alias. user and port are what is
// stated elsewhere already, or zero.
func (c config) lookup(alias, user string, port int) (values, error) {
	v := values{alias: alias, me: c.me, first: map[string]directive{}, all: map[string][]directive{}}
	if user != "" {
		v.first["user"] = directive{name: "User", key: "user", args: []string{user}}
	}
	if port != 0 {
		v.first["port"] = directive{name: "Port", key: "port", args: []string{fmt.Sprint(port)}}
	}
	if err := c.walk(&v, c.main, 0); err != nil {
		return values{}, err
	}
	return v, nil
}

// walk applies directives, in order, where the Host and Match lines above them fit.
func (c config) walk(v *values, ds []directive, depth int) error {
	active := true
	for _, d := range ds {
		var err error
		switch {
		case d.key == "host":
			active = matchPatterns(d.args, v.alias)
		case d.key == "match":
			active, err = v.match(d)
		case !active:
		case d.key == "include":
			err = c.include(v, d, depth)
		default:
			err = v.apply(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c config) include(v *values, d directive, depth int) error {
	if depth+1 > deepest {
		return d.errorf("files include each other more than %d deep: does one include itself?", deepest)
	}
	for _, arg := range d.args {
		pattern, err := c.me.path(filepath.Join(c.me.home, ".ssh"), arg)
		if err != nil {
			return d.errorf("%w", err)
		}
		files, err := c.glob(pattern)
		if err != nil {
			return d.errorf("%q: %w", arg, err)
		}
		for _, file := range files { // a file that isn't there is nothing, as in OpenSSH
			ds, err := c.load(file)
			if err != nil {
				return fmt.Errorf("%s: %w", d.at(), err)
			}
			if err := c.walk(v, ds, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c config) load(file string) ([]directive, error) {
	if ds, ok := c.seen[file]; ok {
		return ds, nil
	}
	text, err := c.read(file)
	if err != nil {
		return nil, err
	}
	ds, err := parseConfig(shown(c.me, file), text)
	if err != nil {
		return nil, err
	}
	c.seen[file] = ds
	return ds, nil
}

// apply takes one directive in.
func (v *values) apply(d directive) error {
	switch d.key {
	case "ignoreunknown":
		for _, arg := range d.args {
			v.skip = append(v.skip, strings.Split(strings.ToLower(arg), ",")...)
		}
		return nil
	case "identityfile", "certificatefile":
		again := func(other directive) bool { return slices.Equal(other.args, d.args) }
		if !slices.ContainsFunc(v.all[d.key], again) {
			v.all[d.key] = append(v.all[d.key], d)
		}
		return nil
	case "proxyjump": // two spellings of one setting: the first of either counts, as long as it isn't ProxyJump none
		if _, ok := v.first["proxycommand"]; ok {
			return nil
		}
	case "proxycommand":
		if jump, ok := v.first["proxyjump"]; ok && !strings.EqualFold(jump.args[0], noJump) {
			return nil
		}
	}
	if !known(d.key) {
		if matchPatterns(v.skip, d.key) {
			return nil
		}
		err := fmt.Errorf("%s: there is no directive %s%s", d.at(), d.name, script.DidYouMean(d.key, applied()))
		return event.WithHint(err, "OpenSSH may know it and runbook not yet; IgnoreUnknown "+d.name+" in a line above it leaves it out")
	}
	if _, ok := v.first[d.key]; !ok {
		v.first[d.key] = d
	}
	return nil
}

// match says whether a Match line fits. Criteria that can be decided come first: one that can't is an error only
// where the others leave the decision to it.
func (v *values) match(d directive) (bool, error) {
	fits, open := true, ""
	for i := 0; i < len(d.args); i++ {
		criterion, arg, given := strings.Cut(d.args[i], "=")
		criterion, not := strings.CutPrefix(strings.ToLower(criterion), "!")
		if criterion == "all" {
			if not || given || len(d.args) > 1 {
				return false, d.errorf("all stands alone")
			}
			return true, nil
		}
		if criterion == "canonical" || criterion == "final" { // these have no value
			open = criterion
			continue
		}
		if !given {
			if i++; i == len(d.args) {
				return false, d.errorf("%s: the value is missing", criterion)
			}
			arg = d.args[i]
		}
		text, decided, err := v.subject(criterion)
		if err != nil {
			return false, err
		}
		if !decided {
			open = criterion
			continue
		}
		if criterion == "host" || criterion == "originalhost" {
			arg = strings.ToLower(arg)
		}
		if matchPatterns(strings.Split(arg, ","), text) == not {
			fits = false
		}
	}
	if fits && open != "" {
		err := fmt.Errorf("%s: Match %s is not supported", d.at(), open)
		return false, event.WithHint(err, "supported are all, host, originalhost, user and localuser; "+wayOut)
	}
	return fits, nil
}

// wayOut is how to run without a directive that can't be done.
const wayOut = "to go without it, give --ssh-config another file, or none"

// subject is what a criterion of Match looks at.
func (v *values) subject(criterion string) (text string, decided bool, err error) {
	switch criterion {
	case "originalhost":
		return strings.ToLower(v.alias), true, nil
	case "host":
		address, err := v.address()
		return address, true, err
	case "localuser":
		return v.me.user, true, nil
	case "user":
		if d, ok := v.first["user"]; ok {
			user, err := d.one()
			return user, true, err
		}
		return v.me.user, true, nil
	}
	return "", false, nil
}

// address is HostName with its tokens replaced, or the alias.
func (v *values) address() (string, error) {
	d, ok := v.first["hostname"]
	if !ok {
		return strings.ToLower(v.alias), nil
	}
	name, err := d.one()
	if err != nil {
		return "", err
	}
	name, err = expand(name, map[byte]string{'h': v.alias})
	if err != nil {
		return "", d.errorf("%w", err)
	}
	return strings.ToLower(name), nil
}
