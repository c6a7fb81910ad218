package agent

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// OnHost starts OpenSSH's ssh-agent on a host, adds keys that lie there, and calls fn with a context under which
// commands on that host use it. Afterwards, however fn ended, the agent is stopped and seen to have ended, on a
// context of its own when ctx has ended.
//
// keys are absolute paths on the host; "~/" is the login user's home. A missing or an encrypted key is an error.
func OnHost(ctx context.Context, h *ssh.Host, keys []string, fn func(context.Context) error) (err error) {
	for _, k := range keys {
		if !strings.HasPrefix(k, "/") && !strings.HasPrefix(k, "~/") {
			return event.WithHint(fmt.Errorf("key %q: want an absolute path on the host", k), "for a key on this machine use agent.forward")
		}
	}
	// The name is made here, so that the agent can be found and ended even if starting it was interrupted.
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
		if err := add(ctx, h, dir, k); err != nil {
			return err
		}
	}
	// The agent that is nearest counts, also within agent.forward.
	return fn(ssh.WithEnv(ssh.WithAgent(ctx, nil), h, map[string]string{"SSH_AUTH_SOCK": dir + "/agent"}))
}

// lifetime is how long the host's agent keeps a key, in seconds: should all else fail to end the agent, it is
// empty after an hour.
const lifetime = "3600"

// startScript: DIR.
//
// ssh-agent stays in the foreground (-D), because the daemon that it becomes otherwise leaves the process group of the
// host's shell, and so would live on when the group is ended: after a timeout, an interrupt, or by the keeper when
// runbook died. The watcher beside it covers the rest: when the shell has gone for whatever reason, so has the
// agent a second later. The folder goes last; while it is there the agent may be, too. A TERM to the whole group ends
// the agent, but not the shell that waits for it, which is to remove the folder.
const startScript = `
command -v ssh-agent >/dev/null 2>&1 && command -v ssh-add >/dev/null 2>&1 || exit 90
mkdir -m 700 -- "$1" || exit 91
(
	trap : TERM
	ssh-agent -D -a "$1/agent" &
	agent=$!
	echo "$agent" > "$1/pid"
	( while kill -0 $$; do sleep 1; done; kill "$agent" ) &
	watcher=$!
	while kill -0 "$agent" 2>/dev/null; do wait "$agent"; done
	kill "$watcher"
	rm -rf -- "$1"
) </dev/null >/dev/null 2>&1 &
tries=0
until [ -S "$1/agent" ] && [ -s "$1/pid" ]; do
	tries=$((tries + 1))
	[ $tries -lt 500 ] && [ -d "$1" ] || exit 92
	sleep 0.01 2>/dev/null || sleep 1
done
`

// addScript: DIR KEY. The keygen tells why a key was not added: it reads one that is not encrypted.
const addScript = `
key=$2
case $key in '~/'*) key=$HOME/${key#'~/'} ;; esac
[ -e "$key" ] || exit 93
[ -r "$key" ] || exit 94
export SSH_AUTH_SOCK="$1/agent" SSH_ASKPASS_REQUIRE=never
unset DISPLAY SSH_ASKPASS
ssh-add -q -t ` + lifetime + ` -- "$key" </dev/null && exit
status=$?
if ssh-keygen -y -P '' -f "$key" >/dev/null 2>&1; then
	exit $status
fi
if ssh-keygen -y -P '' -f "$key" 2>&1 | grep -qi passphrase; then
	exit 95
fi
exit $status
`

// stopScript: DIR.
const stopScript = `
if pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ]; then
	kill "$pid" 2>/dev/null
	tries=0
	while [ -e "$1" ] && kill -0 "$pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries != 300 ] || kill -s KILL "$pid" 2>/dev/null
		[ $tries -lt 600 ] || exit 96
		sleep 0.01 2>/dev/null || sleep 1
	done
fi
rm -rf -- "$1"
`

func start(ctx context.Context, h *ssh.Host, dir string) error {
	return run(ctx, h, "ssh-agent -D -a "+dir+"/agent", startScript, dir)
}

func add(ctx context.Context, h *ssh.Host, dir, key string) error {
	return run(ctx, h, "ssh-add "+key, addScript, dir, key)
}

// stop ends the agent whose folder is dir, if there is one.
func stop(ctx context.Context, h *ssh.Host, dir string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return run(ctx, h, "ssh-agent -k", stopScript, dir)
}

// run runs one of the scripts; show is what the run shows in its place.
func run(ctx context.Context, h *ssh.Host, show, script string, args ...string) error {
	set, err := ssh.QuoteAll(append([]string{"set", "--"}, args...))
	if err != nil {
		return err
	}
	event.Emit(ctx, event.Event{Kind: event.CommandBegun, Host: h.Name(), Text: show})
	result, err := h.Run(ctx, ssh.Command{Script: set + script, AnyStatus: true, Quiet: true})
	ended := event.Event{Kind: event.CommandEnded, Host: h.Name(), Text: show, Seconds: result.Seconds}
	if err == nil {
		ended.Code = &result.Code
		err = failure(h, show, args, result)
	}
	if err != nil {
		ended.Error = err.Error()
	}
	event.Emit(ctx, ended)
	return err
}

func failure(h *ssh.Host, show string, args []string, result ssh.Result) error {
	if result.OK {
		return nil
	}
	cause, hint := "", ""
	switch result.Code {
	case 90:
		cause, hint = "there is no ssh-agent on the host", "install it there: apt install openssh-client"
	case 91:
		cause, hint = "no folder could be made in /tmp", "is the host's /tmp full, or read-only?"
	case 92:
		cause = "the agent didn't start"
	case 93:
		cause, hint = "there is no such key on the host", "make one there with ssh-keygen and give its public half to the git server, or use --agent forward with a key on this machine"
	case 94:
		cause, hint = "the login user may not read it", "it must belong to "+h.Target().User
	case 95:
		cause, hint = "the key is encrypted, and nobody is at the host to type its passphrase", "use a deploy key without one, or --agent forward"
	case 96:
		cause, hint = "the agent didn't end", "look for ssh-agent among the processes on the host"
	default:
		said := strings.TrimSpace(result.Stderr)
		cause = fmt.Sprintf("exit status %d: %s", result.Code, said)
		if strings.Contains(said, "UNPROTECTED PRIVATE KEY FILE") {
			cause, hint = "others may read the key file, so ssh-add doesn't take it", "on the host: chmod 600 "+args[1]
		}
	}
	err := fmt.Errorf("%s: %s: %s", h.Name(), show, cause)
	if hint == "" {
		return err
	}
	return event.WithHint(err, hint)
}
