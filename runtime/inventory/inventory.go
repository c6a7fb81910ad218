// Package inventory says which hosts a run is about and how each is reached: from hosts files, host lists and
// ssh_config, as plain values.
//
// Its one rule: nothing that was written about a host is ignored. What isn't understood, or would change how
// a host is reached and isn't supported, is an error that names it, before any host is contacted.
package inventory

import (
	"context"
	"fmt"
	"time"
)

// Host is one server and how it is reached. All paths in it are absolute, with ~ and the tokens of ssh_config
// already replaced. The files need not exist.
type Host struct {
	Name    string // unique among the hosts of a run
	Address string // a host name or an IP address, without brackets
	Port    int    // 1 to 65535
	User    string // who logs in; never empty

	// Identities are key files. nil means that none is stated, so the usual ones of ~/.ssh are tried; an empty
	// list that isn't nil means none at all (IdentityFile none).
	Identities []string
	// IdentitiesOnly says that an agent's other keys must not be offered.
	IdentitiesOnly bool
	Certificates   []string // files that go with Identities
	// IdentityAgent is the socket of the agent to ask: "" for the one of SSH_AUTH_SOCK, "none" for no agent.
	IdentityAgent string

	Jump string // as it was written: "user@bastion:22", a chain with commas, another host's name; "" for none
	// Via is the host to connect through, the last of a chain, or nil. Hosts that go through the same one share
	// the pointer.
	Via *Host

	Tags []string
	Vars map[string]any // string, float64, bool, or []any of these; never nil

	HostKey    string   // "TYPE BASE64", pinned: no other key is right; "" when known_hosts files decide
	KnownHosts []string // files, which may be missing; never empty unless ssh_config says none
	// HostKeyAlias is the name to look for in KnownHosts instead of Address and Port, or "".
	HostKeyAlias string

	// Security is what ssh_config allows a connection to use.
	Security Security

	// AliveInterval is the time between two questions whether the host is still there: 0 when none is stated, negative when
	// it is never to be asked (ServerAliveInterval 0).
	AliveInterval time.Duration
	// AliveCount is for how many AliveIntervals there may be no answer: 0 when it isn't stated.
	AliveCount int

	// Sudo is "none" (never), "passwordless" (a password is never asked for), "ask" (on a terminal), or ""
	// when nothing is stated, which means never too.
	Sudo string

	Source string // where the host stands: "hosts/production.lua", "hosts.txt:3", "--hosts"
}

// Options are what the command line says about hosts.
type Options struct {
	Hosts      string   // --hosts: a .lua file, a text file, or a comma-separated list; "" for the default
	Only       []string // --only: globs for names, or "tag:" and a glob for tags; all of them together; none for all
	Identities []string // --identity: key files that take the place of all stated elsewhere
	KnownHosts []string // --known-hosts: likewise
	SSHConfig  string   // --ssh-config: "" for ~/.ssh/config, which may be missing; "none" for no file
	// ConnectTimeout is the limit for connecting and logging in. It isn't used here.
	ConnectTimeout time.Duration
	Dir            string // what relative paths on the command line are relative to; "" for the current folder
	RecipeDir      string // the folder of the recipe, or "" when there is none
}

// Load returns the hosts of a run in the order in which they are written. defaultName is the recipe's own hosts
// file, such as "production" (see Options.Hosts), or "". Nothing is contacted. Every error is about something
// that an admin wrote, names the file and the host, and has a hint where the way out isn't plain.
func Load(ctx context.Context, o Options, defaultName string) ([]Host, error) {
	me, err := thisMachine(o.Dir)
	if err != nil {
		return nil, err
	}
	list, err := read(ctx, o, me, defaultName)
	if err != nil {
		return nil, err
	}
	if err := list.checkNames(); err != nil {
		return nil, err
	}
	chosen, err := choose(list.entries, o.Only)
	if err != nil {
		return nil, err
	}
	config, err := openConfig(o, me)
	if err != nil {
		return nil, err
	}
	r := resolver{me: me, list: list, config: config, options: o, done: map[string]*Host{}}
	hosts := make([]Host, 0, len(chosen))
	for _, e := range chosen {
		h, err := r.host(e, nil)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", e.name, err)
		}
		hosts = append(hosts, *h)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return hosts, nil
}
