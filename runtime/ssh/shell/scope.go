package shell

import (
	"context"
	"maps"

	"runbook/runtime/ssh"
)

// scope holds what commands get from the function that they are called in: an ssh-agent, and
// variables for one host. It is in the context because a recipe opens the scope around a function
// in Lua: whatever that function calls, on any host and from any module, is in the scope, and
// nothing else is. A parameter cannot be passed through Lua.
type scope struct {
	agent ssh.Agent // forwarded to all hosts, or nil
	env   map[*Host]map[string]string
}

type scopeKey struct{}

func scopeOf(ctx context.Context) scope {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s
}

// WithAgent returns a context under which commands on all hosts use a as their ssh-agent; nil
// forwards none. The host can reach a only while such a command runs: a process that the command
// leaves behind gets no answer.
func WithAgent(ctx context.Context, a ssh.Agent) context.Context {
	s := scopeOf(ctx)
	s.agent = a
	return context.WithValue(ctx, scopeKey{}, s)
}

// HasAgent reports whether commands under this context have an ssh-agent of the run.
func HasAgent(ctx context.Context) bool { return scopeOf(ctx).agent != nil }

// WithEnv returns a context under which commands on h get these variables, in addition to those of
// the scopes around it. Command.Env overrides them.
func WithEnv(ctx context.Context, h *Host, env map[string]string) context.Context {
	s := scopeOf(ctx)
	merged := maps.Clone(s.env)
	if merged == nil {
		merged = map[*Host]map[string]string{}
	}
	own := map[string]string{}
	maps.Copy(own, merged[h])
	maps.Copy(own, env)
	merged[h] = own
	s.env = merged
	return context.WithValue(ctx, scopeKey{}, s)
}

// environment returns the variables of a command: those of its scope and its own. The agent of the
// scope is lent to the host until release is called.
func (h *Host) environment(
	ctx context.Context, conn *connection, own map[string]string,
) (env map[string]string, release func(), err error) {
	s := scopeOf(ctx)
	env, release = map[string]string{}, func() {}
	maps.Copy(env, s.env[h])
	maps.Copy(env, own)
	if s.agent != nil {
		if env["SSH_AUTH_SOCK"], err = openSession(ctx, conn.link.AgentSocket, conn.makeRoom); err != nil {
			return nil, nil, err
		}
		release = conn.link.Lend(ctx, s.agent, h.Name())
	}
	return env, release, nil
}
