package agent

import (
	"context"
	"fmt"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// Deps holds what the agents need from outside.
type Deps struct {
	Servers Servers
	Prompt  Prompt        // nil when there is no terminal
	Stream  *event.Stream // hides the passphrases
}

type forwardArgs struct {
	Keys       []string        `lua:"keys,required" doc:"private key files on this machine"`
	To         []string        `lua:"to,required" doc:"the servers that the keys may log in to: repository URLs, or user@host[:port]"`
	Unbound    bool            `lua:"unbound" doc:"also sign for ssh clients that do not name the server they talk to (OpenSSH before 8.9)"`
	Signatures int             `lua:"signatures" default:"3" doc:"the maximum of logins signed for each host; 3 are enough to mirror and clone one repository"`
	Fn         script.Callback `lua:"fn,arg" doc:"the function to run with the keys"`
}

type onHostArgs struct {
	Keys []string        `lua:"keys,required" doc:"private key files on the host"`
	To   []string        `lua:"to" doc:"the servers that the keys may log in to, as in agent.forward (default: any); needs OpenSSH 8.9 or later on the host"`
	Fn   script.Callback `lua:"fn,arg" doc:"the function to run with the keys"`
}

// Module declares agent.forward and host:agent. Keys and their passphrases are cached as long as
// the modules exist.
func Module(d Deps) []script.Module {
	keys := &Keys{Prompt: d.Prompt, Stream: d.Stream}
	forward := script.Func("forward", script.Reads,
		"Run fn while programs on the hosts can log in to the named servers, and only to them, with the keys. "+
			"The keys stay on this machine. Return what fn returns. "+
			"A server whose host key this machine does not know is an error.",
		func(ctx context.Context, _ script.None, a forwardArgs) (any, error) {
			if a.Signatures < 1 {
				return nil, fmt.Errorf("signatures: want at least 1, got %d", a.Signatures)
			}
			f, err := Open(ctx, keys, d.Servers,
				Scope{Keys: a.Keys, To: a.To, Unbound: a.Unbound, Signatures: a.Signatures})
			if err != nil {
				return nil, err
			}
			defer f.Close()
			result, err := a.Fn.Call(shell.WithAgent(ctx, f))
			return result, f.Explain(ctx, err)
		}).
		With(`agent.forward({ keys = { "~/.ssh/deploy" }, to = { "git@git.example.org:app.git" } }, function()` + "\n" +
			`  host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }` + "\n" +
			`end)`)
	onHost := script.Func("agent", script.Reads,
		"Run fn while an ssh-agent on the host holds the host's own keys. The agent is always stopped afterwards. "+
			"Return what fn returns.",
		func(ctx context.Context, h *shell.Host, a onHostArgs) (any, error) {
			var result any
			err := OnHost(ctx, h, d.Servers, a.Keys, a.To, func(ctx context.Context) (err error) {
				result, err = a.Fn.Call(ctx)
				return err
			})
			return result, err
		}).
		With(`host:agent({ keys = { "/home/deploy/.ssh/readonly" }, ` +
			`to = { "git@git.example.org:app.git" } }, function()` + "\n" +
			`  host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }` + "\n" +
			`end)`)
	return []script.Module{
		{Name: "agent", Doc: "Keys on this machine, for programs on the hosts.",
			Primitives: []script.Primitive{forward}},
		{On: "host", Doc: "Keys on a host, for programs there.", Primitives: []script.Primitive{onHost}},
	}
}

// Scope names the keys and servers of a Forwarder.
type Scope struct {
	Keys       []string // files on this machine
	To         []string // see Servers.destination
	Unbound    bool     // see ForwarderOptions
	Signatures int      // see ForwarderOptions
}

// Open returns a Forwarder with the host keys of its destinations from known_hosts files. Close it
// when its scope ends.
func Open(ctx context.Context, keys *Keys, servers Servers, scope Scope) (*Forwarder, error) {
	opts := ForwarderOptions{Unbound: scope.Unbound, Signatures: scope.Signatures}
	for _, file := range scope.Keys {
		key, err := keys.Load(ctx, file)
		if err != nil {
			return nil, err
		}
		opts.Keys = append(opts.Keys, key)
	}
	for _, text := range scope.To {
		d, err := servers.destination(ctx, text)
		if err == nil {
			err = d.check()
		}
		if err != nil {
			return nil, err
		}
		opts.To = append(opts.To, d)
	}
	return NewForwarder(opts), nil
}
