package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// noJump is the value of jump and ProxyJump that overrides a more general setting, to reach a host
// directly.
const noJump = "none"

// checkJump rejects an invalid jump before its hosts are resolved.
func checkJump(jump string) error {
	if jump == "" {
		return errors.New("is empty")
	}
	if strings.EqualFold(jump, noJump) {
		return nil
	}
	for _, hop := range strings.Split(jump, ",") {
		if checkName(hop) == nil && !strings.Contains(hop, ":") {
			continue // possibly the name of a host, which need not be an address
		}
		if _, err := parseEntry(hopTarget(hop)); err != nil {
			return err
		}
	}
	return nil
}

// hopTarget also accepts ProxyJump's URI form.
func hopTarget(hop string) string {
	if target, ok := strings.CutPrefix(hop, "ssh://"); ok {
		return strings.TrimSuffix(target, "/")
	}
	return hop
}

// hasHop reports whether name is one of the hosts of a jump.
func hasHop(jump, name string) bool { return slices.Contains(strings.Split(jump, ","), name) }

// resolveJump resolves a chain "a,b" to b, reached through a. A hop is the name of another host in
// the list, or a new host. The defaults of the hosts file apply to a new host unless ssh_config
// named it. of is the host to reach through the chain.
func (r *resolver) resolveJump(jump string, foreign bool, of entry, path []string) (*Host, error) {
	hops := strings.Split(jump, ",")
	last := hops[len(hops)-1]
	e, ok := r.list.find(last)
	if !ok {
		var err error
		if e, err = parseEntry(hopTarget(last)); err != nil {
			return nil, fmt.Errorf("jump: %w", err)
		}
		e.source, e.foreign, e.defaults = of.source, foreign, of.defaults
		if !foreign {
			var defaults entry
			if of.defaults != nil {
				defaults = *of.defaults
			}
			// These describe the hosts of the run, not a bastion on the way.
			defaults.jump, defaults.proxy, defaults.tags, defaults.vars, defaults.hostKey, defaults.port = "", nil, nil,
				nil, "", 0
			e = e.withDefaults(defaults)
		}
	}
	if len(hops) > 1 {
		e.jump = strings.Join(hops[:len(hops)-1], ",")
	}
	h, err := r.resolve(e, path)
	if err != nil {
		return nil, fmt.Errorf("jump %s: %w", last, err)
	}
	return h, nil
}
