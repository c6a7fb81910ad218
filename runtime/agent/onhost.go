package agent

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// OnHost starts OpenSSH's ssh-agent on a host, adds keys from files there, and calls fn with a
// context under which commands on that host use the agent. However fn ends, OnHost stops the agent
// and waits for it to exit, even when ctx has ended.
//
// keys are absolute paths on the host, or begin with "~/", the login user's home. A missing or
// encrypted key is an error.
//
// to lists the servers that the keys may log in to, as repository URLs or [user@]host[:port]; none
// allows any. The host's agent identifies them by their host keys, from the known_hosts files on
// this machine or else from the host's own. An OpenSSH before 8.9 cannot bind keys to servers; that
// causes a warning.
func OnHost(
	ctx context.Context, h *shell.Host, servers Servers, keys, to []string, fn func(context.Context) error,
) (err error) {
	constraint, err := constrain(ctx, servers, to)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !strings.HasPrefix(k, "/") && !strings.HasPrefix(k, "~/") {
			return event.WithHint(fmt.Errorf("key %q: want an absolute path on the host", k),
				"for a key on this machine use agent.forward")
		}
	}
	// The name is chosen here, so that the agent can be stopped even if its start was interrupted.
	dir := "/tmp/runbook-ssh-agent-" + rand.Text()
	defer func() {
		if e := stop(ctx, h, dir); e != nil {
			if err == nil {
				err = e
				return
			}
			event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(), Text: e.Error()})
		}
	}()
	if err := start(ctx, h, dir); err != nil {
		return err
	}
	for _, k := range keys {
		if err := add(ctx, h, dir, k, constraint); err != nil {
			return err
		}
	}
	// The innermost agent counts, even within agent.forward.
	return fn(shell.WithEnv(shell.WithAgent(ctx, nil), h, map[string]string{"SSH_AUTH_SOCK": dir + "/agent"}))
}

// lifetime limits how long the host's agent keeps a key, in seconds. An agent that could not be stopped
// has no keys after an hour.
const lifetime = "3600"

// The scripts that run on hosts, for any /bin/sh. Each documents its arguments. Exit statuses from
// 90 on are their own; see failure.
var (
	//go:embed start.sh
	startScript string
	//go:embed add.sh
	addScript string
	//go:embed stop.sh
	stopScript string
)

func start(ctx context.Context, h *shell.Host, dir string) error {
	_, err := run(ctx, h, "ssh-agent -D -a "+dir+"/agent", startScript, dir)
	return err
}

func add(ctx context.Context, h *shell.Host, dir, key string, c constraint) error {
	options := slices.Clone(c.options)
	if len(c.known) > 0 {
		options = append(options, "-H", dir+"/known_hosts")
	}
	if len(c.known) > 0 && c.theirs { // -H replaces these defaults of ssh-add
		for _, file := range []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts",
			"/etc/ssh/ssh_known_hosts2"} {
			options = append(options, "-H", file)
		}
	}
	said, err := run(ctx, h, "ssh-add "+key, addScript,
		append([]string{dir, key, lifetime, strings.Join(c.known, "\n")}, options...)...)
	if strings.Contains(said, "unbound") {
		event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(),
			Text: fmt.Sprintf("the OpenSSH on %s is older than 8.9: its agent does not bind the key %s to %s", h.Name(),
				key, c.names)})
	}
	return err
}

// constraint binds a key in the host's agent to servers.
type constraint struct {
	options []string // of ssh-add: -h for each server
	known   []string // lines of this machine's known_hosts files about the servers
	theirs  bool     // this machine does not know the host key of some server; the host may
	names   string
}

func constrain(ctx context.Context, servers Servers, to []string) (constraint, error) {
	var c constraint
	var all []Destination
	for _, text := range to {
		d, err := servers.destination(ctx, text)
		if err != nil {
			return c, err
		}
		all = append(all, d)
		server := d.Address()
		if d.HostKeys.Empty() {
			c.theirs = true
		} else {
			// Without the port, as in a certificate: the agent compares only the keys.
			server = d.Host
			c.known = append(c.known, d.HostKeys.Lines(server)...)
		}
		if d.User != "" {
			server = d.User + "@" + server
		}
		c.options = append(c.options, "-h", server)
	}
	c.names = names(all)
	return c, nil
}

// stop stops the agent in the folder dir, if there is one.
func stop(ctx context.Context, h *shell.Host, dir string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, err := run(ctx, h, "ssh-agent -k", stopScript, dir)
	return err
}

// run runs one of the scripts and returns its output. Events and errors show the command show
// instead.
func run(ctx context.Context, h *shell.Host, show, script string, args ...string) (string, error) {
	result, err := h.Run(ctx, shell.Command{Script: script, Args: args, Shown: show,
		Explain: func(r shell.Result) error { return failure(h, show, args, r) }})
	return result.Stdout, err
}

func failure(h *shell.Host, show string, args []string, result shell.Result) error {
	cause, hint := "", ""
	switch result.Code {
	case 90:
		cause, hint = "no ssh-agent on the host", "install it there: apt install openssh-client"
	case 91:
		cause, hint = "cannot create a folder in /tmp", "is the host's /tmp full, or read-only?"
	case 92:
		cause = "the agent did not start"
	case 93:
		cause, hint = "no such key on the host",
			"make one there with ssh-keygen and register its public key at the git server, "+
				"or use --agent forward with a key on this machine"
	case 94:
		cause, hint = "the login user may not read the key", "make "+h.Target().User+" its owner"
	case 95:
		cause, hint = "the key is encrypted, and nobody can type its passphrase on the host",
			"use a deploy key without a passphrase, or --agent forward"
	case 96:
		cause, hint = "the agent did not stop", "look for ssh-agent among the processes on the host"
	case 97:
		cause, hint = "host key of the key's server: not known on this machine or on the host",
			"log in to the server with ssh once, here or on the host, "+
				"and compare the fingerprint with what its admin publishes"
	default:
		said := output.LastLines(result.Stderr)
		cause = fmt.Sprintf("exit status %d: %s", result.Code, said)
		if strings.Contains(said, "UNPROTECTED PRIVATE KEY FILE") {
			cause, hint = "ssh-add rejects the key file because others may read it", "on the host: chmod 600 "+args[1]
		}
	}
	err := fmt.Errorf("%s: %s: %s", h.Name(), show, cause)
	if hint == "" {
		return err
	}
	return event.WithHint(err, hint)
}
