package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// noJump is what jump and ProxyJump say to reach a host directly against a more general setting.
const noJump = "none"

// checkJump refuses a jump that can't be read, before anything looks for the hosts in it.
func checkJump(jump string) error {
	if jump == "" {
		return errors.New("it is empty")
	}
	if strings.EqualFold(jump, noJump) {
		return nil
	}
	for _, hop := range strings.Split(jump, ",") {
		if checkName(hop) == nil && !strings.Contains(hop, ":") {
			continue // it may be the name of a host, which need not be an address
		}
		if _, err := parseTarget(hopTarget(hop)); err != nil {
			return err
		}
	}
	return nil
}

// hopTarget takes ProxyJump's URI form too.
func hopTarget(hop string) string {
	if target, ok := strings.CutPrefix(hop, "ssh://"); ok {
		return strings.TrimSuffix(target, "/")
	}
	return hop
}

// namesJump says whether name is one of the hosts of a jump.
func namesJump(jump, name string) bool { return slices.Contains(strings.Split(jump, ","), name) }

// via resolves a chain "a,b" into b, reached through a. A hop is another host of the list, by its name, or a host of
// its own, to which the defaults of the hosts file apply unless ssh_config named it.
func (r *resolver) via(jump string, foreign bool, source string, path []string) (*Host, error) {
	hops := strings.Split(jump, ",")
	last := hops[len(hops)-1]
	e, ok := r.list.find(last)
	if !ok {
		var err error
		if e, err = parseTarget(hopTarget(last)); err != nil {
			return nil, fmt.Errorf("jump: %w", err)
		}
		e.source, e.foreign = source, foreign
		if !foreign {
			defaults := r.list.defaults
			// These are about the hosts of the run; a bastion is only passed through.
			defaults.jump, defaults.tags, defaults.vars, defaults.hostKey, defaults.port = "", nil, nil, "", 0
			e = e.with(defaults)
		}
	}
	if len(hops) > 1 {
		e.jump = strings.Join(hops[:len(hops)-1], ",")
	}
	h, err := r.host(e, path)
	if err != nil {
		return nil, fmt.Errorf("jump %s: %w", last, err)
	}
	return h, nil
}
