package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/runtime/event"
	"runbook/runtime/lab"
)

// demoCommand is `runbook demo`.
func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "release, release again, roll back, on two throwaway hosts on this machine",
		Description: "Two SSH servers inside this process stand for the hosts, a third serves a git repository to a deploy key. " +
			"The shipped recipes run as they are. No root, no network, and nothing is left behind.",
		Flags: []cli.Flag{
			boolFlag("keep-running", "leave the hosts up until Ctrl-C, and print the hosts file and the commands to try"),
			boolFlag("install", "install through apt what is missing, such as python's venv"),
		},
		Action: p.demo,
	}
}

// demonstration is a demo under way.
type demonstration struct {
	*program
	lab   *lab.Lab
	hosts []*lab.Host
	dir   string // everything is in it
}

func (p *program) demo(cc *cli.Context) (err error) {
	if err := p.demoNeeds(cc.Context, cc.Bool("install")); err != nil {
		return err
	}
	defer p.signals.withHooks()() // what it starts must end
	// The application's server may run as another user, who must be able to read the releases.
	dir, err := os.MkdirTemp("", "runbook-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	l, err := lab.New(filepath.Join(dir, "lab"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	d := &demonstration{program: p, lab: l, dir: dir}
	restore, err := d.setUp()
	if err != nil {
		return err
	}
	defer restore()
	if err := d.tour(cc.Context); err != nil {
		return err
	}
	if !cc.Bool("keep-running") {
		return d.say("What to try next: `runbook demo --keep-running` leaves the hosts up to play with, and\n" +
			"`runbook init mysite` writes the recipes and a hosts file for servers of your own.")
	}
	return d.keepRunning(cc.Context)
}

// setUp starts the hosts, writes the shipped recipes and puts the settings where the commands will find them.
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
	files, err := shipped()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		path := filepath.Join(d.dir, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := writeNew(path, f.content); err != nil {
			return nil, err
		}
	}
	return d.settings()
}

// settings says by variables what differs from the shipped app.lua, and writes the same down for a shell.
func (d *demonstration) settings() (restore func(), err error) {
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
		{"XDG_STATE_HOME", filepath.Join(d.dir, "state")}, // these runs are nobody's record
	}
	var shell strings.Builder
	old := map[string]*string{}
	for _, v := range variables {
		if before, ok := os.LookupEnv(v[0]); ok {
			old[v[0]] = &before
		} else {
			old[v[0]] = nil
		}
		if err := os.Setenv(v[0], v[1]); err != nil {
			return nil, err
		}
		fmt.Fprintf(&shell, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&shell, "runbook() { '%s' \"$@\"; }\ncd '%s'\n", strings.ReplaceAll(self, "'", `'\''`), d.dir)
	restore = func() {
		for name, value := range old {
			if value == nil {
				_ = os.Unsetenv(name) // its name was good enough to set
			} else {
				_ = os.Setenv(name, *value)
			}
		}
	}
	return restore, os.WriteFile(d.settingsFile(), []byte(shell.String()), 0o644)
}

func (d *demonstration) settingsFile() string { return filepath.Join(d.dir, "settings") }

// tour is the main job.
func (d *demonstration) tour(ctx context.Context) error {
	if err := d.say("Two throwaway hosts, web1 and web2, and a git server that knows a deploy key are up in " + d.dir + "."); err != nil {
		return err
	}
	release := []string{"run", filepath.Join(d.dir, "recipes/release.lua")}
	for _, part := range []struct {
		title   string
		version string // committed before
		args    []string
	}{
		{"The first release.", "", release},
		{"A change is pushed to the branch: the application wants greeting 2.0 now. The second release.", "2.0", release},
		{"That was a mistake. Back to the release before.", "", []string{"run", filepath.Join(d.dir, "recipes/rollback.lua")}},
		{"What the hosts have now.", "", []string{"run", filepath.Join(d.dir, "recipes/status.lua")}},
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

// command shows a command as it would be typed in the demo's folder, and runs it.
func (d *demonstration) command(ctx context.Context, args []string) error {
	typed := strings.ReplaceAll(strings.Join(args, " "), d.dir+string(filepath.Separator), "")
	if _, err := fmt.Fprintf(d.out, "$ runbook %s\n", typed); err != nil {
		return err
	}
	return d.dispatch(ctx, args)
}

// answers shows what each host's application says to a visitor.
func (d *demonstration) answers(ctx context.Context) error {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, h := range d.hosts {
		url := fmt.Sprintf("http://127.0.0.1:%d/", h.AppPort)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return event.WithHint(fmt.Errorf("%s's application does not answer: %w", h.Name, err), "its server's log is under "+h.Root+"/server")
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		err = errors.Join(err, response.Body.Close())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(d.out, "%s answers: %s\n", h.Name, strings.TrimSpace(string(body))); err != nil {
			return err
		}
	}
	return nil
}

// keepRunning says how to use the hosts and waits for the interrupt that ends them.
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
	<-ctx.Done() // this is how it is meant to end
	return nil
}

func (d *demonstration) say(text string) error {
	_, err := fmt.Fprintf(d.out, "\n%s\n", text)
	return err
}
