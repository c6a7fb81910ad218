// Package inventory resolves the hosts of a run and how each is reached, from hosts files, host
// lists and ssh_config, to plain values.
//
// Its one rule: no setting of a host is ignored. A setting that is unknown, or unsupported although
// it would change how a host is reached, is an error that names it, before any host is contacted.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory/selection"
)

// Host is one server and how it is reached. All its paths are absolute, with ~ and the tokens of
// ssh_config expanded. The files need not exist.
type Host struct {
	Name    string // unique among the hosts of a run
	Address string // a host name or an IP address, without brackets
	Port    int    // 1 to 65535
	User    string // the login user, never empty

	// Identities are key files. nil means the default ones in ~/.ssh; an empty list that is not nil
	// means none at all (IdentityFile none).
	Identities []string
	// IdentitiesOnly forbids offering the other keys of an agent.
	IdentitiesOnly bool
	Certificates   []string // files that go with Identities
	// IdentityAgent is the socket of the agent: "" for SSH_AUTH_SOCK, "none" for no agent.
	IdentityAgent string

	Jump string // as written: "user@bastion:22", a chain with commas, another host's name; "" for none
	// Via is the host to connect through, the last of a chain, or nil. Hosts behind the same one
	// share the pointer.
	Via *Host

	// Proxy connects to the host instead of TCP, or is nil. A host with Via has none.
	Proxy *Proxy
	// AddressFamily restricts the addresses to connect to: "inet", "inet6", or "" for any.
	AddressFamily string

	Tags []string
	Vars map[string]any // string, float64, bool, or []any of these; never nil

	HostKey    string   // "TYPE BASE64", pinned: no other key is accepted; "" if known_hosts files decide
	KnownHosts []string // files, which may be missing; never empty unless ssh_config says none
	// HostKeyAlias is the name to look up in KnownHosts instead of Address and Port, or "".
	HostKeyAlias string

	// Security restricts what a connection may use.
	Security Security

	// AliveInterval is the time between keepalives: 0 if not set, negative for none
	// (ServerAliveInterval 0).
	AliveInterval time.Duration
	// AliveCount is how many keepalives may stay unanswered: 0 if not set.
	AliveCount int

	// Sudo is "none" (never), "passwordless" (never with a password), "ask" (for the password on a
	// terminal), or "" if not set, which means never.
	Sudo string

	Source string // where the host is written: "hosts/production.lua", "hosts.txt:3", "--hosts"
}

// Options are the options of the command line about hosts.
type Options struct {
	Hosts      []string          // --hosts: files, programs and comma-separated lists, together; none for the default
	Stage      string            // --stage: its hosts file replaces the default; "" for none
	Only       []string          // --only: see selection.Options
	Except     []string          // --except: likewise
	Shard      selection.Shard   // --shard: likewise
	Identities []string          // --identity: key files that replace all others
	KnownHosts []string          // --known-hosts: files that replace all others
	SSHConfig  string            // --ssh-config; "none" for no file, "" for those of ssh, which may be missing
	Offline    bool              // see sshconfig.Options
	Warn       func(text string) // likewise
	// ConnectTimeout limits connecting and logging in. It is not used here.
	ConnectTimeout time.Duration
	// SkipUnreachable is how many hosts a run may go on without. It is not used here.
	SkipUnreachable selection.Limit
	Dir             string // relative paths on the command line start here; "" for the current folder
	RecipeDir       string // the folder of the recipe, or "" when there is none
}

// LoadIfAny is Load for a recipe that may need no hosts: it returns none if neither --hosts nor
// defaultName names any.
func LoadIfAny(ctx context.Context, stream *event.Stream, o Options, defaultName string) ([]Host, error) {
	switch {
	case len(o.Hosts) > 0 || o.Stage != "" || defaultName != "":
		return Load(ctx, stream, o, defaultName)
	case len(o.Only) > 0 || len(o.Except) > 0:
		return nil, event.WithHint(errors.New("the recipe has no hosts to choose from"),
			"name them with --hosts, or leave out --only and --except")
	}
	return nil, nil
}

// Load returns the hosts of a run in the order they are written. defaultName is the recipe's own
// hosts file, such as "production" (see Options.Hosts), or "". Nothing is contacted. Every error
// names the file and the host it is about, and has a hint if the fix is not obvious.
//
// The users and passwords of URLs in the files become secrets of stream.
func Load(ctx context.Context, stream *event.Stream, o Options, defaultName string) ([]Host, error) {
	me, err := thisMachine(o.Dir)
	if err != nil {
		return nil, err
	}
	list, err := read(ctx, stream, o, me, defaultName)
	if err != nil {
		return nil, err
	}
	if err := list.checkNames(); err != nil {
		return nil, err
	}
	chosen, err := list.choose(selection.Options{Only: o.Only, Except: o.Except, Shard: o.Shard})
	if err != nil {
		return nil, err
	}
	config, err := openConfig(o, me)
	if err != nil {
		return nil, err
	}
	r := resolver{ctx: ctx, me: me, list: list, config: config, options: o, done: map[string]*Host{}}
	hosts := make([]Host, 0, len(chosen))
	for _, e := range chosen {
		h, err := r.resolve(e, nil)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", e.name, err)
		}
		hosts = append(hosts, *h)
	}
	return hosts, nil
}
