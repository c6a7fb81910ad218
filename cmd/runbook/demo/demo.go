// Package demo releases, releases again and rolls back, on two throwaway hosts on this machine.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"runbook/cmd/runbook/project"
	"runbook/runtime/event"
	"runbook/runtime/lab"
	"runbook/runtime/run"
)

// Options holds what a demo needs from runbook.
type Options struct {
	Out     io.Writer
	Command func(ctx context.Context, args []string) error // runs a command line of runbook
}

// demonstration is a running demo.
type demonstration struct {
	Options
	lab   *lab.Lab
	hosts []*lab.Host
	dir   string // holds everything
}

// Run starts the hosts and runs the tour. With keepRunning the hosts then stay until ctx ends.
func Run(ctx context.Context, o Options, keepRunning bool) (err error) {
	dir, err := os.MkdirTemp("", "runbook-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the application's server may run as another user
		return err
	}
	l, err := lab.New(filepath.Join(dir, "lab"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	d := &demonstration{Options: o, lab: l, dir: dir}
	restore, err := d.setUp()
	if err != nil {
		return err
	}
	defer restore()
	if err := d.tour(ctx); err != nil {
		return err
	}
	if !keepRunning {
		return d.say("Next: `runbook demo --keep-running` keeps the hosts up to play with, and\n" +
			"`runbook init mysite` writes the recipes and a hosts file for your own servers.")
	}
	return d.keepRunning(ctx)
}

// setUp starts the hosts, writes the shipped recipes and sets the variables that the commands read.
func (d *demonstration) setUp() (restore func(), err error) {
	for _, name := range []string{"web1", "web2"} {
		h, err := d.lab.Host(name)
		if err != nil {
			return nil, err
		}
		d.hosts = append(d.hosts, h)
	}
	if _, err := d.lab.GitServer(); err != nil {
		return nil, err
	}
	if _, err := project.Write(d.dir); err != nil {
		return nil, err
	}
	return d.setVariables()
}

// setVariables overrides the shipped app.lua for the demo, in this process and in a file for a
// shell.
func (d *demonstration) setVariables() (restore func(), err error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, err
	}
	variables := [][2]string{
		{"RUNBOOK_HOSTS", d.lab.HostsFile()},
		{"RUNBOOK_KNOWN_HOSTS", d.lab.KnownHosts()},
		{"RUNBOOK_REPO", d.lab.RepoURL()},
		{"RUNBOOK_KEY", d.lab.DeployKey()},
		{"RUNBOOK_PYTHON", python},
		{"RUNBOOK_PIP_ARG", "--no-index\n--find-links=" + d.lab.Wheels()},
		{"RUNBOOK_HEALTH", "/health"},
		{"XDG_STATE_HOME", filepath.Join(d.dir, "state")}, // keeps the runs out of the admin's journal
	}
	var shell strings.Builder
	var undo []func() error
	for _, v := range variables {
		if before, ok := os.LookupEnv(v[0]); ok {
			undo = append(undo, func() error { return os.Setenv(v[0], before) })
		} else {
			undo = append(undo, func() error { return os.Unsetenv(v[0]) })
		}
		if err := os.Setenv(v[0], v[1]); err != nil {
			return nil, err
		}
		fmt.Fprintf(&shell, "export %s=%s\n", v[0], run.CommandLine(v[1]))
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&shell, "runbook() { %s \"$@\"; }\ncd %s\n", run.CommandLine(self), run.CommandLine(d.dir))
	restore = func() {
		for _, fn := range undo {
			_ = fn() // cannot fail: the names are valid
		}
	}
	return restore, os.WriteFile(d.settingsFile(), []byte(shell.String()), 0o644)
}

func (d *demonstration) settingsFile() string { return filepath.Join(d.dir, "settings") }

// tour releases twice, rolls back and shows the result.
func (d *demonstration) tour(ctx context.Context) error {
	if err := d.say("Two throwaway hosts, web1 and web2, and a git server with a deploy key are up in " + d.dir +
		"."); err != nil {
		return err
	}
	release := []string{"run", filepath.Join(d.dir, "recipes/release.lua")}
	for _, part := range []struct {
		title   string
		version string // of the application, committed first
		args    []string
	}{
		{"The first release.", "", release},
		{"A change is pushed to the branch: the application now requires greeting 2.0. The second release.", "2.0",
			release},
		{"That was a mistake. Back to the previous release.", "",
			[]string{"run", filepath.Join(d.dir, "recipes/rollback.lua")}},
		{"What is on the hosts now.", "", []string{"run", filepath.Join(d.dir, "recipes/status.lua")}},
	} {
		if part.version != "" {
			if _, err := d.lab.Commit(part.version); err != nil {
				return err
			}
		}
		if err := d.say(part.title); err != nil {
			return err
		}
		if err := d.command(ctx, part.args); err != nil {
			return err
		}
		if err := d.answers(ctx); err != nil {
			return err
		}
	}
	return nil
}

// command shows a command as typed in the demo's folder, and runs it.
func (d *demonstration) command(ctx context.Context, args []string) error {
	typed := strings.ReplaceAll(strings.Join(args, " "), d.dir+string(filepath.Separator), "")
	if _, err := fmt.Fprintf(d.Out, "$ runbook %s\n", typed); err != nil {
		return err
	}
	return d.Command(ctx, args)
}

// answers shows what each host's application answers.
func (d *demonstration) answers(ctx context.Context) error {
	for _, h := range d.hosts {
		answer, err := h.Visit(ctx)
		if err != nil {
			return event.WithHint(err, "the log of its server is under "+h.Root+"/server")
		}
		if _, err := fmt.Fprintf(d.Out, "%s answers: %s\n", h.Name, answer); err != nil {
			return err
		}
	}
	return nil
}

// keepRunning explains how to use the hosts, and waits for the interrupt that ends them.
func (d *demonstration) keepRunning(ctx context.Context) error {
	hostsFile, err := os.ReadFile(d.lab.HostsFile())
	if err != nil {
		return err
	}
	err = d.say(fmt.Sprintf("The hosts stay up until Ctrl-C. Their hosts file, %s:\n\n%s\nIn another terminal:\n\n"+
		"  . %s\n  runbook run recipes/status.lua\n  runbook run recipes/release.lua --processes 4\n"+
		"  runbook run recipes/rollback.lua\n  runbook exec -- uptime\n\n"+
		"Edit recipes/app.lua there, release, and see what changes.", d.lab.HostsFile(), hostsFile, d.settingsFile()))
	if err != nil {
		return err
	}
	<-ctx.Done() // ends by Ctrl-C, as intended
	return nil
}

func (d *demonstration) say(text string) error {
	_, err := fmt.Fprintf(d.Out, "\n%s\n", text)
	return err
}

// Prepare verifies that this machine has the programs that the demo runs. With install it installs
// the missing ones, and says so on errs.
func Prepare(ctx context.Context, errs io.Writer, install bool) error {
	missing, err := lab.Missing(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	apt := strings.Join(lab.Apt(missing), " ")
	if !install {
		return event.WithHint(fmt.Errorf("the demo needs %s", lab.Names(missing)),
			"sudo "+apt+", or let `runbook demo --install` do that")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return event.WithHint(fmt.Errorf("the demo needs %s, and this system has no apt-get", lab.Names(missing)),
			"install it with this system's package manager")
	}
	if _, err := fmt.Fprintf(errs, "installing %s\n", lab.Names(missing)); err != nil {
		return err
	}
	if err := lab.Install(ctx, missing); err != nil {
		return event.WithHint(err, "install it by hand as root: "+apt)
	}
	missing, err = lab.Missing(ctx)
	if err == nil && len(missing) > 0 {
		return event.WithHint(fmt.Errorf("the demo still needs %s after installing the package", lab.Names(missing)),
			"apt may not manage the python3 on PATH; try /usr/bin first: PATH=/usr/bin:$PATH")
	}
	return err
}
