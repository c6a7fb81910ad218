package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

// maxDepth limits chains of jump hosts.
const maxDepth = 16

// openConfig opens the ssh_config files that the options name.
func openConfig(o Options, me sshconfig.Machine) (*sshconfig.Reader, error) {
	opts := sshconfig.Options{Machine: me, File: o.SSHConfig, Offline: o.Offline, Warn: o.Warn}
	if opts.File != "" && opts.File != "none" {
		var err error
		if opts.File, err = me.Path(me.Dir, o.SSHConfig); err != nil {
			return nil, fmt.Errorf("--ssh-config: %w", err)
		}
	}
	r, err := sshconfig.Open(opts)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("--ssh-config %s: no such file", o.SSHConfig)
	}
	return r, err
}

// resolver turns entries into hosts.
type resolver struct {
	ctx     context.Context
	me      sshconfig.Machine
	list    list
	config  *sshconfig.Reader
	options Options
	done    map[string]*Host // hosts behind one bastion share it
}

// resolve applies options, ssh_config and defaults to an entry. path holds the names of the hosts
// that are reached through this one, to detect loops.
func (r *resolver) resolve(e entry, path []string) (*Host, error) {
	path = append(slices.Clone(path), e.name)
	if slices.Contains(path[:len(path)-1], e.name) {
		return nil, fmt.Errorf("jump hosts form a loop: %s", strings.Join(path, " → "))
	}
	if len(path) > maxDepth {
		return nil, fmt.Errorf("more than %d jump hosts: %s", maxDepth-1, strings.Join(path, " → "))
	}
	key := fmt.Sprintf("%q %q %q %d %q %q %q %v", e.name, e.address, e.user, e.port, e.jump, e.identities, e.knownHosts,
		e.proxy)
	if h, ok := r.done[key]; ok {
		return h, nil
	}
	v, err := r.config.Lookup(r.ctx, e.address, sshconfig.Given{User: e.user, Port: e.port, Proxied: e.jump != "" ||
		e.proxy != nil})
	if err != nil {
		return nil, err
	}
	h := &Host{Name: e.name, Tags: slices.Clone(e.tags), Vars: e.vars, HostKey: e.hostKey, Sudo: e.sudo,
		Source: e.source}
	if h.Vars == nil {
		h.Vars = map[string]any{}
	}
	if err := r.setTarget(v, h); err != nil {
		return nil, err
	}
	tokens := v.Tokens(sshconfig.Login{Host: h.Address, User: h.User, Port: h.Port, Alias: h.HostKeyAlias})
	if err := setFiles(credentials{r.me, v, tokens}, h, e, r.options); err != nil {
		return nil, err
	}
	if err := setSecurity(v, h); err != nil {
		return nil, err
	}
	if err := setKeepalives(v, h); err != nil {
		return nil, err
	}
	if err := r.setRoute(v, tokens, h, e, path); err != nil {
		return nil, err
	}
	if err := v.CheckUnsupported(h.Proxy != nil); err != nil {
		return nil, err
	}
	r.done[key] = h
	return h, nil
}

// setRoute sets what the connection goes through: the hosts file's jump or proxy, or else ProxyJump
// or ProxyCommand.
func (r *resolver) setRoute(v sshconfig.Values, tokens sshconfig.Tokens, h *Host, e entry, path []string) error {
	h.Jump = e.jump
	foreign := e.foreign
	if d, ok := v.First("proxyjump"); ok {
		jump, err := d.One()
		if err == nil {
			jump, err = tokens.Command(jump)
		}
		if err == nil {
			err = checkJump(jump)
		}
		if err != nil {
			return d.Errorf("%w", err)
		}
		h.Jump, foreign = jump, true
	}
	if strings.EqualFold(h.Jump, noJump) {
		h.Jump = ""
	}
	var err error
	if h.Jump != "" {
		h.Via, err = r.resolveJump(h.Jump, foreign, e, path)
		return err
	}
	h.Proxy, err = r.proxy(e, v, tokens)
	return err
}

// setTarget sets the address, the port, the user and how they are looked up.
func (r *resolver) setTarget(v sshconfig.Values, h *Host) error {
	if err := setAddress(v, h); err != nil {
		return err
	}
	h.User = r.me.User
	if d, ok := v.First("user"); ok {
		var err error
		if h.User, err = d.One(); err != nil {
			return err
		}
		if err := checkUser(h.User); err != nil {
			return d.Errorf("%w", err)
		}
	}
	if h.User == "" {
		return event.WithHint(errors.New("no user given, and the current user has no name"),
			`write user = "…" in the hosts file, or user@host`)
	}
	family, err := v.AddressFamily()
	if family != "any" {
		h.AddressFamily = family
	}
	return err
}

// setAddress sets the address, the port and the name of the host key.
func setAddress(v sshconfig.Values, h *Host) error {
	h.Address = v.Address
	if d, ok := v.First("hostname"); ok {
		if err := checkAddress(h.Address); err != nil {
			return d.Errorf("%w", err)
		}
	}
	h.Port = 22
	if d, ok := v.First("port"); ok {
		text, err := d.One()
		if err != nil {
			return err
		}
		if h.Port, err = strconv.Atoi(text); err != nil || h.Port < 1 || h.Port > 65535 {
			return d.Errorf("want a number from 1 to 65535, got %q", text)
		}
	}
	if d, ok := v.First("hostkeyalias"); ok {
		alias, err := d.One()
		if err != nil {
			return err
		}
		if err := checkText(alias); err != nil {
			return d.Errorf("%w", err)
		}
		h.HostKeyAlias = strings.ToLower(alias)
	}
	return nil
}

// setFiles sets what proves identities: keys, certificates, the agent and known hosts.
func setFiles(c credentials, h *Host, e entry, o Options) error {
	var err error
	if h.Identities, err = c.me.Paths(c.me.Dir, o.Identities); err != nil {
		return fmt.Errorf("--identity: %w", err)
	}
	if h.Identities == nil {
		h.Identities = slices.Clone(e.identities)
	}
	if h.Identities == nil {
		if h.Identities, err = c.all("identityfile"); err != nil {
			return err
		}
	}
	if h.Certificates, err = c.all("certificatefile"); err != nil {
		return err
	}
	if d, ok := c.values.First("identitiesonly"); ok {
		if h.IdentitiesOnly, err = d.YesNo(); err != nil {
			return err
		}
	}
	if h.IdentityAgent, err = c.agent(); err != nil {
		return err
	}
	if h.KnownHosts, err = c.me.Paths(c.me.Dir, o.KnownHosts); err != nil {
		return fmt.Errorf("--known-hosts: %w", err)
	}
	if h.KnownHosts == nil {
		h.KnownHosts = slices.Clone(e.knownHosts)
	}
	if h.KnownHosts == nil {
		h.KnownHosts, err = c.knownHosts()
	}
	return err
}
