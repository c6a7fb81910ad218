package git

import (
	"context"
	"io"
	"strings"

	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// job is a git script to run on a host.
type job struct {
	repo   Repo     // the repository that it contacts
	show   string   // the git command, for events and errors
	script string   // see scripts.go
	args   []string // its $1, $2, …
	input  io.Reader
}

// run runs a job and returns its output.
func (d Deps) run(ctx context.Context, h *shell.Host, j job) (string, error) {
	text, err := j.text()
	if err != nil {
		return "", err
	}
	var env map[string]string
	if j.repo.Transport == SSH {
		if env, err = d.sshEnvironment(ctx, h, []server{*j.repo.server}); err != nil {
			return "", err
		}
	}
	if p := h.Permissions(); p != nil && p.Group != "" {
		group, err := ssh.Quote(p.Group)
		if err != nil {
			return "", err
		}
		text = "group=" + group + "\n" + text
	}
	result, err := h.Run(ctx, shell.Command{Script: text, Args: j.args, Shown: j.show, Env: env, Input: j.input,
		Explain: func(r shell.Result) error { return failure(h, j, r) }})
	return result.Stdout, err
}

// text returns the whole script of a job: the prelude, the login of https, and the script itself.
func (j job) text() (string, error) {
	var b strings.Builder
	b.WriteString(prelude)
	if c := j.repo.credential; c != nil {
		login, err := ssh.QuoteAll([]string{"export", "RUNBOOK_GIT_HOST=" + c.host, "RUNBOOK_GIT_USER=" + c.user,
			"RUNBOOK_GIT_PASSWORD=" + c.password})
		if err != nil {
			return "", err
		}
		b.WriteString(login + "\n" + credentialSetup)
	}
	b.WriteString(j.script)
	return b.String(), nil
}
