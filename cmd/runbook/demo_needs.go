package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"runbook/runtime/event"
)

// need is something that the demo runs, and the Debian package that has it.
type need struct {
	what, pkg string
	probe     []string
}

func neededByDemo() []need {
	return []need{
		{"git", "git", []string{"git", "--version"}},
		{"the ssh client, which git logs in with", "openssh-client", []string{"ssh", "-V"}},
		{"flock", "util-linux", []string{"flock", "--version"}},
		{"python3", "python3", []string{"python3", "--version"}},
		{"python's venv", "python3-venv", []string{"python3", "-c", "import venv, ensurepip"}},
	}
}

// demoNeeds makes sure of what the demo runs, and with install installs what is missing.
func (p *program) demoNeeds(ctx context.Context, install bool) error {
	missing, err := missingNeeds(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	var packages []string
	for _, n := range missing {
		packages = append(packages, n.pkg)
	}
	apt := append([]string{"apt-get", "install", "-y", "--no-install-recommends"}, packages...)
	if !install {
		return event.WithHint(fmt.Errorf("the demo needs %s", names(missing)),
			"sudo "+strings.Join(apt, " ")+", or let `runbook demo --install` do that")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return event.WithHint(fmt.Errorf("the demo needs %s, and there is no apt-get here to install it with", names(missing)),
			"install it with this system's package manager")
	}
	if _, err := fmt.Fprintf(p.err, "installing %s\n", strings.Join(packages, ", ")); err != nil {
		return err
	}
	for _, command := range [][]string{{"apt-get", "update", "-q"}, apt} {
		if err := asRoot(ctx, command); err != nil {
			return err
		}
	}
	missing, err = missingNeeds(ctx)
	if err == nil && len(missing) > 0 {
		return event.WithHint(fmt.Errorf("the demo needs %s, and the package did not bring it", names(missing)),
			"is the python3 on PATH one that apt does not know? Put /usr/bin before it: PATH=/usr/bin:$PATH")
	}
	return err
}

func missingNeeds(ctx context.Context) ([]need, error) {
	var missing []need
	for _, n := range neededByDemo() {
		err := exec.CommandContext(ctx, n.probe[0], n.probe[1:]...).Run()
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, exec.ErrNotFound), errors.As(err, &exit):
			missing = append(missing, n)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

func names(needs []need) string {
	var whats []string
	for _, n := range needs {
		whats = append(whats, n.what)
	}
	return strings.Join(whats, ", ")
}

// asRoot runs a command as root: by sudo, without a question, where this is not root.
func asRoot(ctx context.Context, command []string) error {
	if os.Getuid() != 0 {
		command = append([]string{"sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"}, command...)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := c.CombinedOutput()
	if err != nil {
		return event.WithHint(fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, strings.TrimSpace(string(out))),
			"install it by hand as root: "+strings.Join(command, " "))
	}
	return nil
}
