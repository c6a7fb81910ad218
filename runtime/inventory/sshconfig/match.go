package sshconfig

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script/spell"
)

// UseOtherConfig is the hint for an unsupported directive.
const UseOtherConfig = "to run without it, use --ssh-config FILE or --ssh-config none"

// pass is one reading of all files for a host. After canonicalization, and for Match final, there
// is a second one.
type pass struct {
	ctx    context.Context
	reader *Reader
	values *Values
	host   string // what Host compares: the alias, in the final pass the address
	final  bool   // whether Match final and canonical match

	wantsFinal bool // there was a Match final
	system     bool // the file belongs to the system
}

// run applies the main files.
func (p *pass) run() error {
	for _, f := range p.reader.main {
		p.system = f.system
		if err := p.walk(f.lines, true, 0); err != nil {
			return err
		}
	}
	return nil
}

// walk applies the directives whose Host or Match line matches, in order. A file that is included
// where nothing matches is walked too, with matching off: it may have a Match final, which asks for
// another pass.
func (p *pass) walk(lines []Directive, matching bool, depth int) error {
	active := matching
	for _, d := range lines {
		var err error
		switch {
		case d.Key == "host":
			active = matching && MatchPatterns(d.Args, p.host)
		case d.Key == "match":
			active, err = p.match(d, matching)
		case d.Key == "include":
			err = p.include(d, active, depth)
		case active:
			err = p.values.apply(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// apply records one directive, unless an earlier one takes precedence.
func (v *Values) apply(d Directive) error {
	switch d.Key {
	case "ignoreunknown":
		for _, arg := range d.Args {
			v.skip = append(v.skip, strings.Split(strings.ToLower(arg), ",")...)
		}
		return nil
	case "identityfile", "certificatefile":
		same := func(other Directive) bool { return slices.Equal(other.Args, d.Args) }
		if !slices.ContainsFunc(v.all[d.Key], same) {
			v.all[d.Key] = append(v.all[d.Key], d)
		}
		return nil
	case "proxyjump": // ProxyJump and ProxyCommand are one setting: the first of either counts, except ProxyJump none
		if _, ok := v.first["proxycommand"]; ok || v.given.Proxied {
			return nil
		}
	case "proxycommand":
		if jump, ok := v.first["proxyjump"]; ok && !jump.isNone() || v.given.Proxied {
			return nil
		}
	}
	if !isKnown(d.Key) {
		if MatchPatterns(v.skip, d.Key) {
			return nil
		}
		err := fmt.Errorf("%s: unknown directive %s%s", d.At(), d.Name, spell.DidYouMean(d.Key, supported()))
		return event.WithHint(err, "if OpenSSH knows it, write IgnoreUnknown "+d.Name+" in a line above it")
	}
	if _, ok := v.first[d.Key]; !ok {
		v.first[d.Key] = d
	}
	return nil
}

// match reports whether a Match line matches. If matching is false nothing can match, and no
// command is run.
func (p *pass) match(d Directive, matching bool) (bool, error) {
	fits, n := matching, 0
	for c := range criteria(d.Args) {
		if c.name == "all" {
			if n > 1 || c.given || !c.last {
				return false, d.Errorf("all allows no other criterion, except one before it")
			}
			return fits && !c.not, nil
		}
		n++
		if !c.given && c.name != "canonical" && c.name != "final" {
			return false, d.Errorf("%s: missing value", c.name)
		}
		ok, err := p.meets(d, c, fits)
		if err != nil {
			return false, err
		}
		fits = fits && ok != c.not
	}
	if n == 0 {
		return false, d.Errorf("missing criterion")
	}
	return fits, nil
}

// criterion is a condition of Match.
type criterion struct {
	name  string // in lower case
	value string
	given bool // it has a value
	not   bool
	last  bool
}

// criteria yields the conditions of a Match line, "NAME VALUE", "NAME=VALUE", or NAME alone for
// those without a value.
func criteria(args []string) func(yield func(criterion) bool) {
	return func(yield func(criterion) bool) {
		for len(args) > 0 {
			var c criterion
			c.name, c.value, c.given = strings.Cut(args[0], "=")
			c.name, c.not = strings.CutPrefix(strings.ToLower(c.name), "!")
			args = args[1:]
			if !slices.Contains([]string{"all", "canonical", "final"}, c.name) {
				if !c.given && len(args) > 0 && args[0] == "=" {
					args = args[1:]
				}
				if (!c.given || c.value == "") && len(args) > 0 {
					c.value, c.given = args[0], true
					args = args[1:]
				}
			}
			if c.last = len(args) == 0; !yield(c) {
				return
			}
		}
	}
}

// meets reports whether a condition is met. fits is true if all conditions before it are: only then
// is a command run, and only then is an unsupported condition an error.
func (p *pass) meets(d Directive, c criterion, fits bool) (bool, error) {
	v := p.values
	patterns := strings.Split(c.value, ",")
	switch c.name {
	case "canonical", "final":
		p.wantsFinal = p.wantsFinal || c.name == "final"
		return p.final, nil
	case "originalhost":
		return matchHost(patterns, v.Alias), nil
	case "host":
		name, err := p.address()
		return matchHost(patterns, name), err
	case "localuser":
		return MatchPatterns(patterns, v.me.User), nil
	case "user":
		user, err := v.user()
		return MatchPatterns(patterns, user), err
	case "tagged": // newer than OpenSSH 9.2, as is localnetwork
		tag, err := "", error(nil)
		if set, ok := v.first["tag"]; ok {
			tag, err = set.One()
		}
		return MatchPatterns(patterns, tag), err
	case "localnetwork":
		ok, err := onNetwork(patterns)
		if err != nil {
			return false, d.Errorf("localnetwork: %w", err)
		}
		return ok, nil
	case "exec":
		if !fits {
			return false, nil
		}
		return p.exec(d, c.value)
	}
	if !fits {
		return false, nil
	}
	err := fmt.Errorf("%s: Match %s is not supported", d.At(), c.name)
	return false, event.WithHint(err,
		"supported: all, canonical, final, exec, host, originalhost, user, localuser, tagged, localnetwork; "+
			UseOtherConfig)
}

// matchHost compares a host name regardless of case.
func matchHost(patterns []string, name string) bool {
	lower := make([]string, len(patterns))
	for i, pattern := range patterns {
		lower[i] = strings.ToLower(pattern)
	}
	return MatchPatterns(lower, strings.ToLower(name))
}

// address returns what Match host compares.
func (p *pass) address() (string, error) {
	if p.final {
		return p.host, nil
	}
	return p.values.target()
}

// user returns the login user.
func (v *Values) user() (string, error) {
	if d, ok := v.first["user"]; ok {
		return d.One()
	}
	return v.me.User, nil
}

// onNetwork reports whether an address of this machine is in one of the networks.
func onNetwork(networks []string) (bool, error) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	found := false
	for _, text := range networks {
		text, not := strings.CutPrefix(text, "!")
		network, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil {
			network, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return false, fmt.Errorf("want a network such as 192.0.2.0/24, got %q", text)
		}
		for _, a := range own {
			at, err := netip.ParsePrefix(a.String())
			if err != nil || !network.Contains(at.Addr()) {
				continue
			}
			if not {
				return false, nil
			}
			found = true
		}
	}
	return found, nil
}
