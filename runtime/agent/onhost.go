package agent

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
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
//
// to are the servers that the keys may log in to, repositories' URLs or [user@]host[:port]; none for any. The host's agent
// knows them by their host keys, from the known_hosts files on this machine or else from the host's own. An OpenSSH before
// 8.9 can't bind keys to servers, which is a warning.
func OnHost(ctx context.Context, h *ssh.Host, knownHosts, keys, to []string, fn func(context.Context) error) (err error) {
	constraint, err := constrain(knownHosts, to)
	if err != nil {
		return err
	}
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
		if err := add(ctx, h, dir, k, constraint); err != nil {
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

// addScript: DIR KEY KNOWN OPTION…. KNOWN are lines for DIR/known_hosts, the options those of ssh-add that bind the key to
// servers. Prints "unbound" when this ssh-add has no such options. The keygen tells why a key was not added: it reads one that
// is not encrypted.
const addScript = `
dir=$1 key=$2
case $key in '~/'*) key=$HOME/${key#'~/'} ;; esac
[ -e "$key" ] || exit 93
[ -r "$key" ] || exit 94
export SSH_AUTH_SOCK="$dir/agent" SSH_ASKPASS_REQUIRE=never
unset DISPLAY SSH_ASKPASS
printf '%s\n' "$3" > "$dir/known_hosts" || exit 91
shift 3
if [ $# != 0 ]; then
	case $(ssh-add -h 2>&1 </dev/null) in
	*'requires an argument'*) ;;
	*) set --; echo unbound ;;
	esac
fi
said=$(ssh-add -q -t ` + lifetime + ` "$@" -- "$key" 2>&1 </dev/null) && exit
status=$?
printf '%s\n' "$said" >&2
case $said in *'No host keys found'*) exit 97 ;; esac
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
	_, err := run(ctx, h, "ssh-agent -D -a "+dir+"/agent", startScript, dir)
	return err
}

func add(ctx context.Context, h *ssh.Host, dir, key string, c constraint) error {
	options := slices.Clone(c.options)
	if len(c.known) > 0 {
		options = append(options, "-H", dir+"/known_hosts")
	}
	if len(c.known) > 0 && c.theirs { // each -H takes the place of these, which ssh-add reads otherwise
		for _, file := range []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"} {
			options = append(options, "-H", file)
		}
	}
	said, err := run(ctx, h, "ssh-add "+key, addScript, append([]string{dir, key, strings.Join(c.known, "\n")}, options...)...)
	if strings.Contains(said, "unbound") {
		event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(),
			Text: fmt.Sprintf("the OpenSSH on %s is older than 8.9, so the key %s is not bound to %s while its agent holds it", h.Name(), key, c.names)})
	}
	return err
}

// constraint is what binds a key in the host's agent to servers.
type constraint struct {
	options []string // of ssh-add: -h for each server
	known   []string // known_hosts lines of this machine about them
	theirs  bool     // of some server only the host itself can know the key
	names   string
}

func constrain(knownHosts, to []string) (constraint, error) {
	var c constraint
	var all []Destination
	for _, text := range to {
		d, err := parseDestination(text)
		if err == nil {
			d, err = d.known(knownHosts)
		}
		if err != nil {
			return c, err
		}
		all = append(all, d)
		server := d.Address()
		if d.HostKeys.Empty() {
			c.theirs = true
		} else {
			// Without the port, as a certificate has it: the agent goes by the keys alone.
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

// stop ends the agent whose folder is dir, if there is one.
func stop(ctx context.Context, h *ssh.Host, dir string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, err := run(ctx, h, "ssh-agent -k", stopScript, dir)
	return err
}

// run runs one of the scripts and returns what it printed; show is what the run shows in its place.
func run(ctx context.Context, h *ssh.Host, show, script string, args ...string) (string, error) {
	set, err := ssh.QuoteAll(append([]string{"set", "--"}, args...))
	if err != nil {
		return "", err
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
	return result.Stdout, err
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
	case 97:
		cause, hint = "neither this machine nor the host knows the host key of the server that the key is for", "log in to it with ssh once, here or on the host, and compare the fingerprint with what its admin publishes"
	case 96:
		cause, hint = "the agent didn't end", "look for ssh-agent among the processes on the host"
	default:
		said := ssh.LastLines(result.Stderr)
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
