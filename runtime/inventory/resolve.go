package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// openConfig reads the ssh_config file that the options mean.
func openConfig(o Options, me machine) (config, error) {
	c := config{me: me, read: script.ReadFile, glob: filepath.Glob, seen: map[string][]directive{}}
	if o.SSHConfig == "none" {
		return c, nil
	}
	path := filepath.Join(me.home, ".ssh", "config")
	if o.SSHConfig != "" {
		var err error
		if path, err = me.path(me.dir, o.SSHConfig); err != nil {
			return config{}, fmt.Errorf("--ssh-config: %w", err)
		}
	}
	var err error
	c.main, err = c.load(path)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist) && o.SSHConfig == "":
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		return config{}, fmt.Errorf("--ssh-config %s: there is no such file", o.SSHConfig)
	}
	return config{}, err
}

// resolver turns entries into hosts.
type resolver struct {
	me      machine
	list    list
	config  config
	options Options
	done    map[string]*Host // so that hosts behind one bastion share it
}

// host applies options, ssh_config and defaults to what was written. path is the names of the hosts that are reached
// through this one, to find loops by.
func (r *resolver) host(e entry, path []string) (*Host, error) {
	path = append(slices.Clone(path), e.name)
	if slices.Contains(path[:len(path)-1], e.name) {
		return nil, fmt.Errorf("the jump hosts form a loop: %s", strings.Join(path, " → "))
	}
	if len(path) > deepest {
		return nil, fmt.Errorf("more than %d jump hosts: %s", deepest-1, strings.Join(path, " → "))
	}
	key := fmt.Sprintf("%q %q %q %d %q %q %q", e.name, e.address, e.user, e.port, e.jump, e.identities, e.knownHosts)
	if h, ok := r.done[key]; ok {
		return h, nil
	}
	v, err := r.config.lookup(e.address, e.user, e.port)
	if err != nil {
		return nil, err
	}
	h := &Host{Name: e.name, Tags: slices.Clone(e.tags), Vars: e.vars, HostKey: e.hostKey, Sudo: e.sudo, Source: e.source}
	if h.Vars == nil {
		h.Vars = map[string]any{}
	}
	if err := v.reach(h); err != nil {
		return nil, err
	}
	if err := v.files(h, e, r.options); err != nil {
		return nil, err
	}
	if err := v.security(h); err != nil {
		return nil, err
	}
	if err := v.keepalives(h); err != nil {
		return nil, err
	}
	h.Jump = e.jump
	foreign := e.foreign
	if d, ok := v.first["proxyjump"]; ok && h.Jump == "" {
		foreign = true
		if h.Jump, err = v.proxyJump(d, h); err != nil {
			return nil, err
		}
	}
	if err := v.refuse(e.jump != ""); err != nil {
		return nil, err
	}
	if strings.EqualFold(h.Jump, noJump) {
		h.Jump = ""
	}
	if h.Jump != "" {
		if h.Via, err = r.via(h.Jump, foreign, e.source, path); err != nil {
			return nil, err
		}
	}
	r.done[key] = h
	return h, nil
}

// reach fills in the address, the port and the user.
func (v values) reach(h *Host) error {
	var err error
	if h.Address, err = v.address(); err != nil {
		return err
	}
	if d, ok := v.first["hostname"]; ok {
		if err := checkAddress(h.Address); err != nil {
			return d.errorf("%w", err)
		}
	}
	h.Port = 22
	if d, ok := v.first["port"]; ok {
		text, err := d.one()
		if err != nil {
			return err
		}
		if h.Port, err = strconv.Atoi(text); err != nil || h.Port < 1 || h.Port > 65535 {
			return d.errorf("want a number from 1 to 65535, got %q", text)
		}
	}
	h.User = v.me.user
	if d, ok := v.first["user"]; ok {
		if h.User, err = d.one(); err != nil {
			return err
		}
		if err := checkUser(h.User); err != nil {
			return d.errorf("%w", err)
		}
	}
	if h.User == "" {
		return event.WithHint(errors.New("no user is stated, and the current one has no name"), `write user = "…" in the hosts file, or user@host`)
	}
	return nil
}

// files fills in what proves who is who: keys, certificates, the agent, and known hosts.
func (v values) files(h *Host, e entry, o Options) error {
	var err error
	if d, ok := v.first["hostkeyalias"]; ok {
		if h.HostKeyAlias, err = d.one(); err != nil {
			return err
		}
		if err := checkText(h.HostKeyAlias); err != nil {
			return d.errorf("%w", err)
		}
	}
	t := v.tokens(h)
	if h.Identities, err = v.me.paths(v.me.dir, o.Identities); err != nil {
		return fmt.Errorf("--identity: %w", err)
	}
	if h.Identities == nil {
		h.Identities = slices.Clone(e.identities)
	}
	if h.Identities == nil {
		if h.Identities, err = t.several(v.all["identityfile"]); err != nil {
			return err
		}
	}
	if h.Certificates, err = t.several(v.all["certificatefile"]); err != nil {
		return err
	}
	if d, ok := v.first["identitiesonly"]; ok {
		if h.IdentitiesOnly, err = d.yes(); err != nil {
			return err
		}
	}
	if d, ok := v.first["identityagent"]; ok {
		if h.IdentityAgent, err = t.agent(d); err != nil {
			return err
		}
	}
	if h.KnownHosts, err = v.me.paths(v.me.dir, o.KnownHosts); err != nil {
		return fmt.Errorf("--known-hosts: %w", err)
	}
	if h.KnownHosts == nil {
		h.KnownHosts = slices.Clone(e.knownHosts)
	}
	if h.KnownHosts == nil {
		h.KnownHosts, err = t.knownHosts()
	}
	return err
}

// yes reads a switch.
func (d directive) yes() (bool, error) {
	text, err := d.one()
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, d.errorf("want yes or no, got %q", text)
}

// proxyJump returns the jump hosts with their tokens replaced.
func (v values) proxyJump(d directive, h *Host) (string, error) {
	jump, err := d.one()
	if err != nil {
		return "", err
	}
	jump, err = expand(jump, map[byte]string{'h': h.Address, 'n': v.alias, 'p': strconv.Itoa(h.Port), 'r': h.User})
	if err == nil {
		err = checkJump(jump)
	}
	if err != nil {
		return "", d.errorf("%w", err)
	}
	return jump, nil
}

// refuse is the error for a directive that would change how the host is reached. A jump of the hosts file takes the
// place of a ProxyCommand, as ssh -J would.
func (v values) refuse(jumps bool) error {
	var refused []directive
	for key, d := range v.first {
		harmless, changes := unsupported(key)
		if !changes || jumps && (key == "proxycommand" || key == "proxyusefdpass") {
			continue
		}
		if len(d.args) == 1 && slices.Contains(harmless, strings.ToLower(d.args[0])) {
			continue
		}
		refused = append(refused, d)
	}
	if len(refused) == 0 {
		return nil
	}
	slices.SortFunc(refused, func(a, b directive) int { // the same one each time
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	d := refused[0]
	hint := wayOut
	if d.key == "proxycommand" {
		hint = `to go through another host, use ProxyJump, or jump = "user@bastion" in a hosts file; ` + wayOut
	}
	return event.WithHint(fmt.Errorf("%s: %s is not supported", d.at(), d.name), hint)
}
