package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
	"runbook/runtime/script"
)

// evalLimit limits how long a hosts file may run, and evalByte how much longer for each byte: ten
// thousand hosts are half a megabyte. A hosts file cannot wait for anything, so only an endless
// loop takes this long.
const evalLimit, evalByte = time.Second, 10 * time.Microsecond

// settings are the keys of a hosts file: of one host, or of the defaults for all.
type settings struct {
	Name       *string        `lua:"name" doc:"the host's name in this run"`
	Address    *string        `lua:"address" doc:"a host name or an IP address (default: the name)"`
	Port       *int           `lua:"port" doc:"the port of sshd"`
	User       *string        `lua:"user" doc:"the login user"`
	Identity   paths          `lua:"identity" doc:"a key file, or a list of them"`
	Jump       *string        `lua:"jump" doc:"the jump host: user@bastion:22, or another host's name"`
	Proxy      command        `lua:"proxy" doc:"a command that connects to the host: a list of arguments, or a line for the shell, as in ProxyCommand"`
	Tags       []string       `lua:"tags" doc:"for --only tag:NAME"`
	Vars       map[string]any `lua:"vars" doc:"options of the recipe that differ on this host; { VALUE, secret = true } is hidden in all output"`
	HostKey    *string        `lua:"host_key" doc:"the host's public key line; no other key is accepted"`
	KnownHosts *string        `lua:"known_hosts" doc:"a known_hosts file"`
	Sudo       string         `lua:"sudo" doc:"whether sudo may be used, and with a password" choices:"none passwordless ask"`
}

// paths is a path or a list of paths.
type paths []string

// UnmarshalLua accepts a string or a list of strings.
func (p *paths) UnmarshalLua(value any) error {
	if t, ok := value.(script.Table); ok {
		var items []string
		if err := script.Decode(t, &items); err != nil {
			return err
		}
		if len(items) == 0 {
			return errors.New("empty list")
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

// LuaType returns the type for editors.
func (p *paths) LuaType() string { return "string|string[]" }

// parseLua runs a hosts file. source is its name in errors; relative paths in it start from dir.
func parseLua(ctx context.Context, me sshconfig.Machine, source, dir string, text []byte) (list, error) {
	limit := (evalLimit + time.Duration(len(text))*evalByte).Round(time.Second)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	value, err := script.Eval(limited, source, text)
	switch {
	case ctx.Err() != nil:
		return list{}, context.Cause(ctx)
	case limited.Err() != nil:
		err := fmt.Errorf("%s: stopped after %v", source, limit)
		return list{}, event.WithHint(err, "look for an endless loop; a hosts file only has to return a table")
	case err != nil:
		return list{}, err
	}
	table, ok := value.(script.Table)
	if !ok {
		var t script.Table
		err := fmt.Errorf("%s: %w", source, script.Decode(value, &t))
		return list{}, event.WithHint(err,
			"write a hosts file like this: return { { name = \"web1\", address = \"192.0.2.11\" } }")
	}
	return decodeHosts(me, source, dir, table, itemLines(string(text), len(table.List)))
}

// decodeHosts validates the hosts of a file: the list items of a table whose fields are the
// defaults. lines are the lines of the hosts, or nil.
func decodeHosts(me sshconfig.Machine, source, dir string, table script.Table, lines []int) (list, error) {
	l := list{source: source}
	var err error
	if l.defaults, err = decodeDefaults(me, dir, table.Fields); err != nil {
		return list{}, addPlace(source, err)
	}
	l.defaults.source = source
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
			return list{}, addPlace(e.label, err)
		}
		e.defaults = &l.defaults
		l.entries = append(l.entries, e.withDefaults(l.defaults))
	}
	if len(l.entries) == 0 {
		return list{}, fmt.Errorf("%s: no hosts", source)
	}
	return l, nil
}

// addPlace adds a place before an error. It keeps the hint.
func addPlace(place string, err error) error { return fmt.Errorf("%s: %w", place, err) }

func nameOf(item any) string {
	t, ok := item.(script.Table)
	if !ok {
		return ""
	}
	name, _ := t.Fields["name"].(string)
	if checkText(name) != nil { // the error says why
		return ""
	}
	return name
}

func decodeDefaults(me sshconfig.Machine, dir string, fields map[string]any) (entry, error) {
	var s settings
	if err := script.Decode(script.Table{Fields: fields}, &s); err != nil {
		return entry{}, err
	}
	for _, key := range []string{"name", "address"} {
		if _, ok := fields[key]; ok {
			err := fmt.Errorf("%s: belongs to one host and cannot be a default for all", key)
			return entry{}, event.WithHint(err,
				"write each host as a table of its own: return { { name = \"web1\", address = \"192.0.2.11\" } }")
		}
	}
	return s.entry(me, dir)
}

func decodeHost(me sshconfig.Machine, dir string, item any) (entry, error) {
	t, ok := item.(script.Table)
	if !ok {
		var target string
		if err := script.Decode(item, &target); err != nil {
			return entry{}, event.WithHint(err, `write a host as a table, or as a string: "[user@]host[:port]"`)
		}
		return parseEntry(target)
	}
	if len(t.List) > 0 {
		err := errors.New("value without a key")
		return entry{}, event.WithHint(err,
			`write a host as { name = "web1", address = "192.0.2.11" }, or as a string on its own`)
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
		return entry{}, errors.New("missing name or address")
	case s.Name == nil:
		e.name = e.address
	case s.Address == nil:
		e.address = e.name
		if err := checkAddress(e.address); err != nil {
			return entry{}, event.WithHint(fmt.Errorf("name: %w", err),
				"the name is also the address if there is none: add address = \"…\"")
		}
	}
	return e, nil
}

// entry validates the settings key by key.
func (s settings) entry(me sshconfig.Machine, dir string) (entry, error) {
	var e entry
	var err error
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
	if e.proxy, err = s.Proxy.in(me, dir, s.Jump != nil); err != nil {
		return entry{}, err
	}
	if s.Port != nil {
		if e.port = *s.Port; e.port < 1 || e.port > 65535 {
			return entry{}, fmt.Errorf("port: want a number from 1 to 65535, got %d", e.port)
		}
	}
	for i, tag := range s.Tags {
		err := checkText(tag)
		if err == nil && strings.Contains(tag, ",") {
			err = fmt.Errorf("%q contains a comma; write each tag as a text of its own", tag)
		}
		if err != nil {
			return entry{}, fmt.Errorf("tags: item %d: %w", i+1, err)
		}
	}
	e.tags, e.sudo = s.Tags, s.Sudo
	if e.vars, e.secrets, err = convertVars(s.Vars); err != nil {
		return entry{}, err
	}
	if s.HostKey != nil {
		if e.hostKey, err = parseHostKey(*s.HostKey); err != nil {
			return entry{}, fmt.Errorf("host_key: %w", err)
		}
	}
	if e.identities, err = me.Paths(dir, s.Identity); err != nil {
		return entry{}, fmt.Errorf("identity: %w", err)
	}
	if s.KnownHosts != nil {
		if e.knownHosts, err = me.Paths(dir, []string{*s.KnownHosts}); err != nil {
			return entry{}, fmt.Errorf("known_hosts: %w", err)
		}
	}
	return e, nil
}

// checkLuaAddress checks an address. Its error says where user and port belong: in the other forms
// of a host list they are part of the address.
func checkLuaAddress(s string) error {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	err := checkAddress(s)
	if e, parseErr := parseEntry(s); err != nil && parseErr == nil && (e.user != "" || e.port != 0) {
		return event.WithHint(err, "write user and port as keys of their own: user = \"…\", port = …")
	}
	return err
}
