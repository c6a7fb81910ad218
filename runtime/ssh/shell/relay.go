package shell

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell/relay"
	"runbook/runtime/ssh/web"
)

// relayProgram connects its stdin and stdout to HOST PORT.
//
//go:embed relay.py
var relayProgram string

// Dial connects to an address as seen from the host. network is "tcp" or "unix". If the server
// forbids tunnels, Python on the host relays a TCP connection: the program python if it exists,
// else python3. A connection through SSH has no deadlines.
func (h *Host) Dial(ctx context.Context, network, address, python string) (net.Conn, error) {
	c, err := h.connection(h.context(ctx))
	if err != nil {
		return nil, err
	}
	conn, err := c.link.Dial(ctx, network, address)
	var forbidden *ssh.ForbiddenError
	if network == "tcp" && errors.As(err, &forbidden) {
		return c.relay(ctx, address, python, err)
	}
	return conn, err
}

// HTTP sends a request from the host and returns the answer, whatever its status. For python see
// Dial.
func (h *Host) HTTP(ctx context.Context, r web.Request, python string) (web.Response, error) {
	ctx = h.context(ctx)
	return web.Do(ctx, func(ctx context.Context, network, address string) (net.Conn, error) {
		return h.Dial(ctx, network, address, python)
	}, r)
}

// relay connects to an address through Python in a session of its own. forbidden is the refusal of
// a tunnel.
func (c *connection) relay(ctx context.Context, address, python string, forbidden error) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	words, err := ssh.QuoteAll([]string{"set", "--", cmp.Or(python, "python3"), relayProgram, host, port})
	if err != nil {
		return nil, err
	}
	p, out, answer, err := c.ask(ctx, words+`; for p in "$1" python3; do `+
		`command -v "$p" >/dev/null && exec "$p" -c "$2" "$3" "$4"; done; echo none`)
	if err != nil {
		return nil, err
	}
	conn := relay.New(p, out, address)
	switch answer {
	case "connected":
		return conn, nil
	case "none":
		err = fmt.Errorf("%w, and the host has no python3 that could relay", forbidden)
	default:
		err = fmt.Errorf("connect to %s from the host: %s", address, answer)
	}
	return nil, errors.Join(err, conn.Close())
}
