package git

import (
	"context"
	"fmt"
	"net"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// job is a git script to run on a host.
type job struct {
	repo   Repo     // what it talks to
	show   string   // what the run shows in its place
	script string   // see scripts.go
	args   []string // its $1, $2, …
}

// run runs a job and returns what it printed. The run's events and errors show the git command, not the script
// around it.
func (d Deps) run(ctx context.Context, h *ssh.Host, j job) (string, error) {
	text, err := d.text(j)
	if err != nil {
		return "", err
	}
	event.Emit(ctx, event.Event{Kind: event.CommandBegun, Host: h.Name(), Text: j.show})
	result, err := h.Run(ctx, ssh.Command{Script: text, AnyStatus: true, Quiet: true})
	ended := event.Event{Kind: event.CommandEnded, Host: h.Name(), Text: j.show, Seconds: result.Seconds}
	if err == nil {
		ended.Code = &result.Code
		err = failure(h, j, result)
	}
	if err != nil {
		ended.Error = err.Error()
	}
	event.Emit(ctx, ended)
	return result.Stdout, err
}

// text is the whole script of a job: the prelude, the git server's keys or the login, the arguments, and the script itself.
func (d Deps) text(j job) (string, error) {
	var b strings.Builder
	b.WriteString(prelude)
	if j.repo.Transport == SSH {
		setup, err := d.sshCommand(j.repo)
		if err != nil {
			return "", err
		}
		b.WriteString(setup)
	}
	if c := j.repo.credential; c != nil {
		login, err := ssh.QuoteAll([]string{"export", "RUNBOOK_GIT_HOST=" + c.host, "RUNBOOK_GIT_USER=" + c.user, "RUNBOOK_GIT_PASSWORD=" + c.password})
		if err != nil {
			return "", err
		}
		b.WriteString(login + "\n" + credentialSetup)
	}
	args, err := ssh.QuoteAll(append([]string{"set", "--"}, j.args...))
	if err != nil {
		return "", err
	}
	b.WriteString(args + "\n" + j.script)
	return b.String(), nil
}

// sshOptions are those of every ssh that git runs. No question, no key on first sight, no second connection kept,
// nothing forwarded; and a dead server is noticed.
var sshOptions = strings.Join([]string{
	"ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-oUpdateHostKeys=no", "-oVerifyHostKeyDNS=no", "-oCheckHostIP=no",
	"-oControlMaster=no", "-oControlPath=none", "-oForwardAgent=no", "-oForwardX11=no", "-oClearAllForwardings=yes",
	"-oConnectTimeout=30", "-oServerAliveInterval=15", "-oServerAliveCountMax=4",
}, " ")

// sshCommand is the part of the script that tells git which ssh to run. The git server's keys and authorities as this machine
// knows them are the only ones that count. Where it knows none, those in the host's own known_hosts do. What this machine
// knows to be revoked is refused either way.
//
// The keys are in the file under the name that HostKeyAlias states, so that an ssh_config on the host that
// gives the server another name or port doesn't get in the way.
func (d Deps) sshCommand(r Repo) (string, error) {
	known, err := ssh.KnownServer(d.KnownHosts, r.Address())
	if err != nil {
		return "", fmt.Errorf("host key of %s: %w", r.Address(), err)
	}
	lines, options := known.Lines(r.Host), " -oHostKeyAlias="+r.Host+" -oGlobalKnownHostsFile=/dev/null -oUserKnownHostsFile=$d/known_hosts"
	if known.Empty() {
		lines, options = known.RevokedLines(), " '-oGlobalKnownHostsFile=$d/known_hosts "+systemKnownHosts+"'"
	}
	if len(lines) == 0 {
		return fmt.Sprintf("export GIT_SSH_COMMAND=%q\n", sshOptions), nil
	}
	words, err := ssh.QuoteAll(append([]string{"printf", `%s\n`}, lines...))
	if err != nil {
		return "", err
	}
	return "temp\n" + words + ` > "$d/known_hosts" || exit 91` + "\n" + `export GIT_SSH_COMMAND="` + sshOptions + options + `"` + "\n", nil
}

// systemKnownHosts are the files that GlobalKnownHostsFile means unless an ssh_config says otherwise.
const systemKnownHosts = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"

// login is how a person would reach the git server of r, for hints.
func (r Repo) login() string {
	words := "ssh "
	if r.Port != 22 {
		words += fmt.Sprintf("-p %d ", r.Port)
	}
	if r.User != "" {
		words += r.User + "@"
	}
	if net.ParseIP(r.Host) != nil && strings.Contains(r.Host, ":") {
		return words + "[" + r.Host + "]"
	}
	return words + r.Host
}
