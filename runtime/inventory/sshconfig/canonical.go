package sshconfig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
)

// lookupLimit is how long one lookup of a name may take. Only a name that certainly does not exist
// is skipped, so the first timeout ends all lookups.
const lookupLimit = 5 * time.Second

// canonicalize replaces the address by its canonical name, if CanonicalizeHostname asks for that.
// It reports whether the files must be read again.
func (r *Reader) canonicalize(ctx context.Context, v *Values) (bool, error) {
	how, err := v.choice("canonicalizehostname", "no", "yes", "no", "always", "true", "false")
	if err != nil || how == "no" || how == "false" || r.offline {
		return err == nil && how != "no" && how != "false", err
	}
	if _, err := netip.ParseAddr(v.Address); err == nil || strings.Trim(v.Address, "0123456789.") == "" {
		return true, nil
	}
	if v.isProxied() && how != "always" {
		return true, nil
	}
	family, err := v.choice("addressfamily", "any", "any", "inet", "inet6")
	if err != nil {
		return false, err
	}
	name, cname, err := r.findCanonical(ctx, v, family)
	if err != nil {
		return false, err
	}
	if v.Address, err = v.followCNAME(name, cname); err != nil {
		return false, err
	}
	return true, nil
}

// findCanonical returns the first candidate that exists, and the name that the candidate is an
// alias of. If there is none, it returns the address itself.
func (r *Reader) findCanonical(ctx context.Context, v *Values, family string) (name, cname string, err error) {
	names, err := v.candidates()
	if err != nil {
		return "", "", err
	}
	d := v.first["canonicalizehostname"]
	for _, name := range names {
		found, cname, err := r.lookup(ctx, name, family)
		if err != nil {
			err = fmt.Errorf("%s: cannot look up %s: %w", d.At(), name, err)
			return "", "", event.WithHint(err, "is the name server reachable? "+UseOtherConfig)
		}
		if found {
			return strings.TrimSuffix(name, "."), cname, nil
		}
	}
	fallback := true
	if local, ok := v.first["canonicalizefallbacklocal"]; ok {
		if fallback, err = local.YesNo(); err != nil {
			return "", "", err
		}
		d = local
	}
	if len(names) > 0 && !fallback {
		err := fmt.Errorf("%s: %s is in none of the CanonicalDomains: %s", d.At(), v.Address, strings.Join(names, " "))
		return "", "", event.WithHint(err, "write the whole name, or allow others by CanonicalizeFallbackLocal yes")
	}
	if _, ok := v.first["canonicalizepermittedcnames"]; ok {
		_, cname, err = r.lookup(ctx, v.Address, family) // if this fails, connecting will report it
		if err != nil {
			cname = ""
		}
	}
	return v.Address, cname, nil
}

// candidates returns the full names that the address may mean: itself if it ends in a dot, else one
// in each of the CanonicalDomains, unless it has too many dots.
func (v *Values) candidates() ([]string, error) {
	if strings.HasSuffix(v.Address, ".") {
		return []string{v.Address}, nil
	}
	dots := 1
	if d, ok := v.first["canonicalizemaxdots"]; ok {
		text, err := d.One()
		if err != nil {
			return nil, err
		}
		if dots, err = strconv.Atoi(text); err != nil {
			return nil, d.Errorf("want a number, got %q", text)
		}
	}
	if strings.Count(v.Address, ".") > dots {
		return nil, nil
	}
	var names []string
	if d, ok := v.first["canonicaldomains"]; ok {
		for _, domain := range d.Args {
			if !strings.EqualFold(domain, "none") {
				names = append(names, v.Address+"."+strings.ToLower(strings.TrimSuffix(domain, "."))+".")
			}
		}
	}
	return names, nil
}

// followCNAME returns the name that a name is an alias of, if CanonicalizePermittedCNAMEs permits
// its use.
func (v *Values) followCNAME(name, cname string) (string, error) {
	d, ok := v.first["canonicalizepermittedcnames"]
	if !ok || cname == "" || cname == name {
		return name, nil
	}
	for _, rule := range d.Args {
		from, to, found := strings.Cut(rule, ":")
		switch {
		case strings.EqualFold(rule, "none"):
			return name, nil
		case rule == "*":
			to = "*"
		case !found || to == "":
			return "", d.Errorf("want FROM:TO, got %q", rule)
		}
		if matchHost(strings.Split(from, ","), name) && matchHost(strings.Split(to, ","), cname) {
			return cname, nil
		}
	}
	return name, nil
}

// isProxied reports whether a proxy or a jump host connects to the host.
func (v *Values) isProxied() bool {
	for _, key := range []string{"proxycommand", "proxyjump"} {
		if d, ok := v.first[key]; ok && !d.isNone() {
			return true
		}
	}
	return v.given.Proxied
}

// choice returns the value of a directive with a fixed set of values, in lower case.
func (v *Values) choice(key, otherwise string, choices ...string) (string, error) {
	d, ok := v.first[key]
	if !ok {
		return otherwise, nil
	}
	text, err := d.One()
	if err != nil {
		return "", err
	}
	if text = strings.ToLower(text); !slices.Contains(choices, text) {
		return "", d.Errorf("want %s, got %q", strings.Join(choices, ", "), text)
	}
	return text, nil
}

// AddressFamily returns "inet", "inet6" or "any".
func (v Values) AddressFamily() (string, error) {
	return v.choice("addressfamily", "any", "any", "inet", "inet6")
}

// lookupHost looks up a name. It returns an error only if the name server gave no answer.
func lookupHost(ctx context.Context, name, family string) (found bool, cname string, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	network := map[string]string{"any": "ip", "inet": "ip4", "inet6": "ip6"}[family]
	var unknown *net.DNSError
	_, err = net.DefaultResolver.LookupNetIP(ctx, network, name)
	if err == nil { // if only this fails, the name counts as no alias
		cname, _ = net.DefaultResolver.LookupCNAME(ctx, name)
	}
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return false, "", nil
	}
	return err == nil, strings.TrimSuffix(cname, "."), err
}
