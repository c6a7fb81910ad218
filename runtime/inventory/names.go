package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

// Names resolves what this machine calls repositories and git servers: url.*.insteadOf in git's
// configuration, and aliases in ssh_config. Hosts know neither, so they get the resolved URLs and
// addresses. A nil *Names resolves nothing.
type Names struct {
	stream  *event.Stream
	options Options

	mu      sync.Mutex
	rules   []insteadOf
	read    bool // rules were read
	me      sshconfig.Machine
	config  *sshconfig.Reader
	servers map[Target]Server
}

// NewNames returns Names that read the files of the options when they are first needed. Logins in
// URLs become secrets of stream.
func NewNames(stream *event.Stream, o Options) *Names {
	return &Names{stream: stream, options: o, servers: map[Target]Server{}}
}

// insteadOf is a rule of git's configuration: base replaces the beginning of a URL.
type insteadOf struct{ base, beginning string }

// gitLimit limits how long git may take to print its configuration.
const gitLimit = 10 * time.Second

// Replace returns the URL that git on this machine uses instead of url. The rule with the longest
// matching beginning applies.
func (n *Names) Replace(ctx context.Context, url string) (string, error) {
	if n == nil {
		return url, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.read {
		rules, err := n.readRules(ctx)
		if err != nil {
			return "", err
		}
		n.rules, n.read = rules, true
	}
	best := insteadOf{}
	for _, rule := range n.rules {
		if strings.HasPrefix(url, rule.beginning) && len(rule.beginning) > len(best.beginning) {
			best = rule
		}
	}
	return best.base + url[len(best.beginning):], nil
}

// readRules asks git for the rules of the system and of the user. Those of a repository do not
// count: what is released must not depend on the current folder.
func (n *Names) readRules(ctx context.Context) ([]insteadOf, error) {
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "config", "--null", "--get-regexp", `^url\..*\.insteadof$`)
	cmd.Dir = string(filepath.Separator)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_DIR=") })
	var printed bytes.Buffer
	cmd.Stderr = &printed
	out, err := cmd.Output()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(err, exec.ErrNotFound), exited && exit.ExitCode() == 1: // no git, or no rule
		return nil, nil
	case err != nil:
		said, _, _ := strings.Cut(event.OneLine(strings.TrimSpace(printed.String())), "\n")
		return nil, fmt.Errorf("git config: %w: %s", err, said)
	}
	n.stream.AddURLs(string(out))
	var rules []insteadOf
	for entry := range strings.SplitSeq(string(out), "\x00") { // url.BASE.insteadof, a new line, the beginning
		key, beginning, ok := strings.Cut(entry, "\n")
		if base := strings.TrimSuffix(strings.TrimPrefix(key, "url."), ".insteadof"); ok && beginning != "" {
			rules = append(rules, insteadOf{base, beginning})
		}
	}
	return rules, nil
}

// Server is an ssh server as this machine reaches it.
type Server struct {
	Target
	KnownHosts []string // the known_hosts files that ssh_config names for it
}

// Server resolves t by ssh_config: HostName, Port, User and HostKeyAlias. Jump hosts and proxies
// are left out.
func (n *Names) Server(ctx context.Context, t Target) (Server, error) {
	if n == nil {
		return Server{Target: t}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.servers[t]; ok {
		return s, nil
	}
	s, err := n.resolve(ctx, t)
	if err != nil {
		return Server{}, fmt.Errorf("git server %s: %w", t.Host, err)
	}
	n.servers[t] = s
	return s, nil
}

func (n *Names) resolve(ctx context.Context, t Target) (Server, error) {
	if n.config == nil {
		var err error
		if n.me, err = thisMachine(n.options.Dir); err != nil {
			return Server{}, err
		}
		if n.config, err = openConfig(n.options, n.me); err != nil {
			return Server{}, err
		}
	}
	v, err := n.config.Lookup(ctx, t.Host, sshconfig.Given{User: t.User, Port: t.Port})
	if err != nil {
		return Server{}, err
	}
	h := &Host{}
	if err := setAddress(v, h); err != nil {
		return Server{}, err
	}
	s := Server{Target: Target{User: t.User, Host: h.Address, Port: t.Port, Alias: h.HostKeyAlias}}
	if _, ok := v.First("port"); ok {
		s.Port = h.Port
	}
	if d, ok := v.First("user"); ok && t.User == "" {
		if s.User, err = d.One(); err == nil {
			err = checkUser(s.User)
		}
		if err != nil {
			return Server{}, err
		}
	}
	if len(n.options.KnownHosts) == 0 {
		tokens := v.Tokens(sshconfig.Login{Host: h.Address, User: s.User, Port: h.Port, Alias: h.HostKeyAlias})
		if s.KnownHosts, err = (credentials{n.me, v, tokens}).knownHosts(); err != nil {
			return Server{}, err
		}
	}
	return s, s.checkServer()
}
