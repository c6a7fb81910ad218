package agent

import (
	"context"
	"fmt"

	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// Deps are what the agents need from outside.
type Deps struct {
	KnownHosts []string // known_hosts files on this machine
	Prompt     Prompt   // nil when there is no terminal
}

type forwardArgs struct {
	Keys       []string        `lua:"keys,required" doc:"private key files on this machine"`
	To         []string        `lua:"to,required" doc:"the servers that they may log in to: repositories' URLs, or user@host[:port]"`
	Unbound    bool            `lua:"unbound" doc:"sign also for ssh clients that don't say which server they talk to (OpenSSH before 8.9)"`
	Signatures int             `lua:"signatures" default:"3" doc:"how many logins each host gets signed meanwhile; one repository needs no more to be mirrored and cloned"`
	Fn         script.Callback `lua:"fn,arg" doc:"what to do meanwhile"`
}

type onHostArgs struct {
	Keys []string        `lua:"keys,required" doc:"private key files on the host"`
	To   []string        `lua:"to" doc:"the servers that they may log in to, as in agent.forward, where the host's OpenSSH is 8.9 or later; left out: any"`
	Fn   script.Callback `lua:"fn,arg" doc:"what to do meanwhile"`
}

// Module declares agent.forward and host:agent. Keys that were read once, and passphrases that were asked for, are
// remembered as long as the modules are.
func Module(d Deps) []script.Module {
	keys := &Keys{Prompt: d.Prompt}
	forward := script.Func("forward", script.Reads, "Runs a function while programs on the hosts can log in with the keys to the named servers, and nowhere else. "+
		"The keys stay on this machine. Returns what the function returns. A server whose host key this machine doesn't know is an error.",
		func(ctx context.Context, _ script.None, a forwardArgs) (any, error) {
			if a.Signatures < 1 {
				return nil, fmt.Errorf("signatures: want at least 1, got %d", a.Signatures)
			}
			f, err := Open(ctx, keys, d.KnownHosts, Scope{Keys: a.Keys, To: a.To, Unbound: a.Unbound, Signatures: a.Signatures})
			if err != nil {
				return nil, err
			}
			defer f.Close()
			result, err := a.Fn.Call(ssh.WithAgent(ctx, f))
			return result, f.Explain(ctx, err)
		}).
		With(`agent.forward({ keys = { "~/.ssh/deploy" }, to = { "git@git.example.org:app.git" } }, function()` + "\n" +
			`  host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }` + "\n" +
			`end)`)
	onHost := script.Func("agent", script.Reads, "Runs a function while an ssh-agent on the host holds the host's own keys. The agent is stopped afterwards, however the "+
		"function ends. Returns what the function returns.",
		func(ctx context.Context, h *ssh.Host, a onHostArgs) (any, error) {
			var result any
			err := OnHost(ctx, h, d.KnownHosts, a.Keys, a.To, func(ctx context.Context) (err error) {
				result, err = a.Fn.Call(ctx)
				return err
			})
			return result, err
		}).
		With(`host:agent({ keys = { "/home/deploy/.ssh/readonly" }, to = { "git@git.example.org:app.git" } }, function()` + "\n" +
			`  host.git:mirror{ repo = "git@git.example.org:app.git", path = "/srv/app/repo.git" }` + "\n" +
			`end)`)
	return []script.Module{
		{Name: "agent", Doc: "Keys on this machine, for programs on the hosts.", Primitives: []script.Primitive{forward}},
		{On: "host", Doc: "Keys that lie on a host, for programs there.", Primitives: []script.Primitive{onHost}},
	}
}

// Scope says what a Forwarder is opened for.
type Scope struct {
	Keys       []string // files on this machine
	To         []string // as ParseDestination reads them
	Unbound    bool     // see ForwarderOptions
	Signatures int      // see ForwarderOptions
}

// Open makes a Forwarder, with the host keys of its destinations from the known_hosts files. Close it when its scope ends.
func Open(ctx context.Context, keys *Keys, knownHosts []string, scope Scope) (*Forwarder, error) {
	opts := ForwarderOptions{Unbound: scope.Unbound, Signatures: scope.Signatures}
	for _, file := range scope.Keys {
		key, err := keys.Load(ctx, file)
		if err != nil {
			return nil, err
		}
		opts.Keys = append(opts.Keys, key)
	}
	for _, text := range scope.To {
		d, err := ParseDestination(text)
		if err != nil {
			return nil, err
		}
		if d, err = d.Known(knownHosts); err != nil {
			return nil, err
		}
		opts.To = append(opts.To, d)
	}
	return NewForwarder(opts), nil
}
