package git

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// sshSettings is the configuration of every ssh that git runs: no questions, no unknown host keys,
// no shared connections, no forwarding, and a timeout for a dead server. ssh takes the first value
// of a setting, so these come before a file's.
const sshSettings = `Host *
BatchMode yes
StrictHostKeyChecking yes
UpdateHostKeys no
VerifyHostKeyDNS no
CheckHostIP no
ControlMaster no
ControlPath none
ForwardAgent no
ForwardX11 no
ClearAllForwardings yes
ConnectTimeout 30
ServerAliveInterval 15
ServerAliveCountMax 4
`

// agentSettings make ssh use the agent that the run lends, whatever a file says.
const agentSettings = `IdentityAgent SSH_AUTH_SOCK
IdentitiesOnly no
`

// ownSettings include the admin's ssh_config, on this machine only. The ssh_config of a host is not
// read: IdentitiesOnly in it would keep ssh from using the agent, and a directive that is unknown
// to ssh makes ssh exit.
const ownSettings = `Include ~/.ssh/config
Include /etc/ssh/ssh_config
`

// sshEnvironment returns the environment variables that make git's ssh trust these servers. Only
// the host keys and authorities that this machine knows for a server are trusted. If it knows none,
// those in the host's own known_hosts are. Keys that this machine knows to be revoked are rejected
// either way.
//
// known_hosts lists a server under its HostKeyAlias, because an ssh_config may give it another name
// or port.
func (d Deps) sshEnvironment(ctx context.Context, h *shell.Host, servers []server) (map[string]string, error) {
	known, blocks, revoked := []string{}, map[string]bool{}, []string{}
	for _, s := range servers {
		k, err := ssh.KnownServer(slices.Concat(d.KnownHosts, s.KnownHosts), s.KnownName())
		if err != nil {
			return nil, fmt.Errorf("host key of %s: %w", s.KnownName(), err)
		}
		revoked = k.RevokedLines()
		block := ""
		if !h.Local() { // on this machine the admin's own file has the route
			block = s.route()
		}
		if !k.Empty() {
			known = append(known, k.Lines(s.Host)...)
			block += fmt.Sprintf("HostKeyAlias %s\nUserKnownHostsFile \"@/known_hosts\"\n"+
				"GlobalKnownHostsFile /dev/null\n", s.Host)
		}
		if block != "" {
			blocks[fmt.Sprintf("Host %s\n%s", strings.Join(s.names(), " "), block)] = true
		}
	}
	var config strings.Builder
	for _, block := range slices.Sorted(maps.Keys(blocks)) {
		config.WriteString(block)
	}
	config.WriteString(sshSettings)
	config.WriteString("GlobalKnownHostsFile \"@/known_hosts\" /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n")
	if !h.Local() || shell.HasAgent(ctx) {
		config.WriteString(agentSettings)
	}
	if h.Local() {
		config.WriteString(ownSettings)
	}
	return map[string]string{
		"GIT_SSH_COMMAND": strings.TrimSpace(sshScript), "GIT_SSH_VARIANT": "ssh",
		"RUNBOOK_SSH_CONFIG": config.String(),
		"RUNBOOK_SSH_KNOWN":  strings.Join(append(known, revoked...), "\n"),
	}, nil
}

// AllowOptions are the arguments of Allow.
type AllowOptions struct {
	To    []string // servers as user@host[:port], or repositories' URLs
	Proxy string   // ProxyCommand of ssh, see ssh_config(5), or ""
}

// Allow calls fn with a context under which every program on the host that starts git, such as pip,
// can log in to the servers by ssh: with runbook's own configuration of ssh, and with host keys
// that are known already. Deps' own functions use the proxy, too.
func (d Deps) Allow(ctx context.Context, h *shell.Host, o AllowOptions, fn func(context.Context) error) error {
	if strings.ContainsFunc(o.Proxy, unicode.IsControl) {
		return fmt.Errorf("proxy: control character in %q", o.Proxy)
	}
	var servers []server
	for _, text := range o.To {
		s, err := d.server(ctx, text)
		if err != nil {
			return fmt.Errorf("git server %q: %w", text, err)
		}
		servers = append(servers, s)
	}
	env, err := d.sshEnvironment(ctx, h, servers)
	if err != nil {
		return err
	}
	env["GIT_TERMINAL_PROMPT"] = "0"
	if !h.Local() {
		env["RUNBOOK_SSH_PROXY"] = o.Proxy
	}
	return fn(shell.WithEnv(ctx, h, env))
}
