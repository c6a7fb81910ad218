package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// evalLimit is how long a hosts file may run. It has nothing to wait for, so only a loop without end takes this long.
const evalLimit = time.Second

// settings are the keys of a hosts file, of one host and of the defaults for all.
type settings struct {
	Name       *string        `lua:"name" doc:"what the host is called here"`
	Address    *string        `lua:"address" doc:"a host name or an IP address; the name when left out"`
	Port       *int           `lua:"port" doc:"where sshd listens"`
	User       *string        `lua:"user" doc:"who logs in"`
	Identity   paths          `lua:"identity" doc:"a key file, or a list of them"`
	Jump       *string        `lua:"jump" doc:"the way to the host: user@bastion:22, or another host's name"`
	Tags       []string       `lua:"tags" doc:"for --only tag:NAME"`
	Vars       map[string]any `lua:"vars" doc:"options of the recipe that differ on this host"`
	HostKey    *string        `lua:"host_key" doc:"the host's public key line, pinned"`
	KnownHosts *string        `lua:"known_hosts" doc:"a known_hosts file"`
	Sudo       string         `lua:"sudo" doc:"what sudo asks for" choices:"none passwordless ask"`
}

// paths is a path or a list of paths.
type paths []string

// UnmarshalLua takes a string or a list of strings.
func (p *paths) UnmarshalLua(value any) error {
	if t, ok := value.(script.Table); ok {
		var items []string
		if err := script.Decode(t, &items); err != nil {
			return err
		}
		if len(items) == 0 {
			return errors.New("the list is empty")
		}
		*p = items
		return nil
	}
	var one string
	if err := script.Decode(value, &one); err != nil {
		return err
	}
	*p = paths{one}
	return nil
}

// LuaType is how an editor states the type.
func (p *paths) LuaType() string { return "string|string[]" }

// parseLua runs a hosts file. source is what errors call it, dir the folder that relative paths in it start from.
func parseLua(ctx context.Context, me machine, source, dir string, text []byte) (list, error) {
	limited, cancel := context.WithTimeout(ctx, evalLimit)
	defer cancel()
	value, err := script.Eval(limited, source, text)
	switch {
	case ctx.Err() != nil:
		return list{}, context.Cause(ctx)
	case limited.Err() != nil:
		err := fmt.Errorf("%s: it still ran after %v and was stopped", source, evalLimit)
		return list{}, event.WithHint(err, "look for a loop without an end; a hosts file only has to return a table")
	case err != nil:
		return list{}, err
	}
	table, ok := value.(script.Table)
	if !ok {
		var t script.Table
		err := fmt.Errorf("%s: %w", source, script.Decode(value, &t))
		return list{}, event.WithHint(err, "a hosts file reads: return { { name = \"web1\", address = \"192.0.2.11\" } }")
	}
	l := list{source: source}
	if l.defaults, err = decodeDefaults(me, dir, table.Fields); err != nil {
		return list{}, within(source, err)
	}
	l.defaults.source = source
	lines := itemLines(string(text), len(table.List))
	for i, item := range table.List {
		e, err := decodeHost(me, dir, item)
		e.source, e.place = source, fmt.Sprintf("host %d", i+1)
		if lines != nil {
			e.source = fmt.Sprintf("%s:%d", source, lines[i])
		}
		e.label = e.source + ": " + e.place
		if name := cmp.Or(nameOf(item), e.name); name != "" {
			e.label += " (" + name + ")"
		}
		if err != nil {
			return list{}, within(e.label, err)
		}
		l.entries = append(l.entries, e.with(l.defaults))
	}
	return l, nil
}

// within puts a place in front of an error. It keeps the hint.
func within(place string, err error) error { return fmt.Errorf("%s: %w", place, err) }

func nameOf(item any) string {
	t, ok := item.(script.Table)
	if !ok {
		return ""
	}
	name, _ := t.Fields["name"].(string)
	if checkText(name) != nil { // what is wrong with it, the error says
		return ""
	}
	return name
}

func decodeDefaults(me machine, dir string, fields map[string]any) (entry, error) {
	var s settings
	if err := script.Decode(script.Table{Fields: fields}, &s); err != nil {
		return entry{}, err
	}
	for _, key := range []string{"name", "address"} {
		if _, ok := fields[key]; ok {
			err := fmt.Errorf("%s: it belongs to one host and can't be a default for all", key)
			return entry{}, event.WithHint(err, "each host is a table of its own: return { { name = \"web1\", address = \"192.0.2.11\" } }")
		}
	}
	return s.entry(me, dir)
}

func decodeHost(me machine, dir string, item any) (entry, error) {
	t, ok := item.(script.Table)
	if !ok {
		var target string
		if err := script.Decode(item, &target); err != nil {
			return entry{}, event.WithHint(err, `a host is a table, or a string: "[user@]host[:port]"`)
		}
		return parseTarget(target)
	}
	if len(t.List) > 0 {
		err := errors.New("it has a value without a key")
		return entry{}, event.WithHint(err, `a host is { name = "web1", address = "192.0.2.11" } or a string on its own`)
	}
	var s settings
	if err := script.Decode(t, &s); err != nil {
		return entry{}, err
	}
	e, err := s.entry(me, dir)
	if err != nil {
		return entry{}, err
	}
	switch {
	case s.Name == nil && s.Address == nil:
		return entry{}, errors.New("it has neither a name nor an address")
	case s.Name == nil:
		e.name = e.address
	case s.Address == nil:
		e.address = e.name
		if err := checkAddress(e.address); err != nil {
			return entry{}, event.WithHint(fmt.Errorf("name: %w", err), "without an address the name is the address: add address = \"…\"")
		}
	}
	return e, nil
}

// entry checks what was decoded, key by key.
func (s settings) entry(me machine, dir string) (entry, error) {
	var e entry
	for _, k := range []struct {
		key   string
		given *string
		into  *string
		check func(string) error
	}{
		{"name", s.Name, &e.name, checkName},
		{"address", s.Address, &e.address, checkLuaAddress},
		{"user", s.User, &e.user, checkUser},
		{"jump", s.Jump, &e.jump, checkJump},
	} {
		if k.given == nil {
			continue
		}
		if err := k.check(*k.given); err != nil {
			return entry{}, fmt.Errorf("%s: %w", k.key, err)
		}
		*k.into = *k.given
	}
	e.address = strings.Trim(e.address, "[]")
	if s.Port != nil {
		if e.port = *s.Port; e.port < 1 || e.port > 65535 {
			return entry{}, fmt.Errorf("port: want a number from 1 to 65535, got %d", e.port)
		}
	}
	for i, tag := range s.Tags {
		if err := checkText(tag); err != nil {
			return entry{}, fmt.Errorf("tags: item %d: %w", i+1, err)
		}
	}
	e.tags, e.sudo = s.Tags, s.Sudo
	var err error
	if e.vars, err = plainVars(s.Vars); err != nil {
		return entry{}, err
	}
	if s.HostKey != nil {
		if e.hostKey, err = parseHostKey(*s.HostKey); err != nil {
			return entry{}, fmt.Errorf("host_key: %w", err)
		}
	}
	if e.identities, err = me.paths(dir, s.Identity); err != nil {
		return entry{}, fmt.Errorf("identity: %w", err)
	}
	if s.KnownHosts != nil {
		if e.knownHosts, err = me.paths(dir, []string{*s.KnownHosts}); err != nil {
			return entry{}, fmt.Errorf("known_hosts: %w", err)
		}
	}
	return e, nil
}

// checkLuaAddress says where user and port belong, which are part of the address in the other forms.
func checkLuaAddress(s string) error {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	err := checkAddress(s)
	if e, parseErr := parseTarget(s); err != nil && parseErr == nil && (e.user != "" || e.port != 0) {
		return event.WithHint(err, "user and port have keys of their own: user = \"…\", port = …")
	}
	return err
}
