package inventory

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
	"runbook/runtime/script"
)

// noProxy is the value of proxy that overrides a more general setting, to reach a host directly.
const noProxy = "none"

// Proxy is a program whose standard input and output are the connection to a host.
type Proxy struct {
	Argv []string // with tokens expanded
	Line string   // what the shell in Argv runs; "" for a command without a shell
	From string   // where it is written: "hosts.lua:3: proxy", ".ssh/config:7: ProxyCommand"
}

// command is a proxy in a hosts file: a line for the shell, or a list of arguments.
type command struct {
	given bool
	line  string
	argv  []string
}

// UnmarshalLua accepts a string or a list of strings.
func (c *command) UnmarshalLua(value any) error {
	c.given = true
	if t, ok := value.(script.Table); ok {
		return script.Decode(t, &c.argv)
	}
	return script.Decode(value, &c.line)
}

// LuaType returns the type for editors.
func (c *command) LuaType() string { return "string|string[]" }

// in validates the command, or returns nil if none was given. A program with a relative path starts
// from dir. jumps reports whether there is a jump host, too.
func (c command) in(me sshconfig.Machine, dir string, jumps bool) (*command, error) {
	if !c.given {
		return nil, nil
	}
	if jumps {
		return nil, errors.New("jump and proxy: only one of them can connect to a host")
	}
	for _, text := range append([]string{c.line}, c.argv...) {
		if strings.ContainsAny(text, "\x00\n\r") {
			return nil, fmt.Errorf("proxy: %q contains a control character", text)
		}
	}
	switch {
	case c.argv == nil && strings.TrimSpace(c.line) == "", c.argv != nil && (len(c.argv) == 0 || c.argv[0] == ""):
		return nil, event.WithHint(errors.New("proxy: is empty"),
			`write the program and its arguments: { "nc", "%h", "%p" }; "none" connects directly`)
	case c.argv != nil && strings.ContainsAny(c.argv[0], `/\`):
		program, err := me.Path(dir, c.argv[0])
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		c.argv = append([]string{program}, c.argv[1:]...)
	}
	return &c, nil
}

// isNone reports whether the command asks for a direct connection.
func (c *command) isNone() bool { return c.argv == nil && strings.EqualFold(c.line, noProxy) }

// proxy returns the proxy of a host: the command in the hosts file, or else ProxyCommand.
func (r *resolver) proxy(e entry, v sshconfig.Values, tokens sshconfig.Tokens) (*Proxy, error) {
	switch d, ok := v.First("proxycommand"); {
	case e.proxy.isGiven():
		p, err := e.proxy.expand(r.me, tokens)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		p.From = e.source + ": proxy"
		return p, nil
	case ok && !strings.EqualFold(d.Command(), noProxy):
		if err := d.CheckOwner(); err != nil {
			return nil, err
		}
		p, err := (&command{line: d.Command()}).expand(r.me, tokens)
		if err != nil {
			return nil, d.Errorf("%w", err)
		}
		p.From = d.At() + ": " + d.Name
		return p, nil
	}
	return nil, nil
}

func (c *command) isGiven() bool { return c != nil && !c.isNone() }

// expand replaces the tokens. A line runs as OpenSSH runs it: the shell becomes the program.
func (c *command) expand(me sshconfig.Machine, tokens sshconfig.Tokens) (*Proxy, error) {
	if c.argv == nil {
		line, err := tokens.Command(c.line)
		instead := "exec "
		if runtime.GOOS == "windows" {
			instead = ""
		}
		return &Proxy{Argv: me.Shell(instead + line), Line: line}, err
	}
	p := &Proxy{}
	for _, word := range c.argv {
		word, err := tokens.Command(word)
		if err != nil {
			return nil, err
		}
		p.Argv = append(p.Argv, word)
	}
	return p, nil
}
