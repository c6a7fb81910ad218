package sshconfig

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/process"
)

// execLimit limits how long a command of Match exec may run.
const execLimit = 10 * time.Second

// Shell returns the argument list that runs a command line as OpenSSH does: with the user's own
// shell, or cmd.exe on Windows. On Windows, SHELL is a path that only programs of Git for Windows
// understand.
func (m Machine) Shell(line string) []string {
	if runtime.GOOS == "windows" {
		return []string{cmp.Or(m.Getenv("ComSpec"), "cmd.exe"), "/s", "/c", line}
	}
	return []string{cmp.Or(m.Getenv("SHELL"), "/bin/sh"), "-c", line}
}

// exec runs the command of a Match exec and reports whether it succeeded. The same command is run
// once.
func (p *pass) exec(d Directive, command string) (bool, error) {
	line, err := p.execLine(command)
	if err != nil {
		return false, d.Errorf("exec: %w", err)
	}
	r := p.reader
	if ok, known := r.ran[line]; known || r.offline {
		return ok, nil
	}
	if err := d.CheckOwner(); err != nil {
		return false, err
	}
	ok, printed, err := p.runShell(line)
	if err != nil {
		err = fmt.Errorf("%s: Match exec %q: %w", d.At(), line, err)
		return false, event.WithHint(err, "try it: "+strings.Join(r.me.Shell("'…'"), " ")+"; "+UseOtherConfig)
	}
	if r.ran[line] = ok; printed != "" && r.warn != nil {
		r.warn(fmt.Sprintf("%s: Match exec printed: %s", d.At(), printed))
	}
	return ok, nil
}

// execLine expands the tokens of a command. It uses the settings read so far, as OpenSSH does.
func (p *pass) execLine(command string) (string, error) {
	v := p.values
	l := Login{Port: 22}
	var err error
	if l.Host, err = p.address(); err != nil {
		return "", err
	}
	if l.User, err = v.user(); err != nil {
		return "", err
	}
	if d, ok := v.first["port"]; ok {
		if l.Port, err = strconv.Atoi(d.Args[0]); err != nil {
			return "", d.Errorf("want a number, got %q", d.Args[0])
		}
	}
	key := l.Host
	if d, ok := v.first["hostkeyalias"]; ok {
		key = d.Args[0]
	}
	return expand(command, v.me.tokens(v.Alias, key, l).all, nil)
}

// runShell runs a command line without input and output, and returns what it printed to standard
// error. It is killed after execLimit.
func (p *pass) runShell(line string) (ok bool, printed string, err error) {
	argv := p.reader.me.Shell(line)
	cmd := exec.Command(argv[0], argv[1:]...)
	running, err := process.Start(cmd)
	if err != nil {
		return false, "", err
	}
	limit := time.NewTimer(execLimit)
	defer limit.Stop()
	select {
	case <-running.Done():
	case <-p.ctx.Done():
		running.End()
		return false, "", p.ctx.Err()
	case <-limit.C:
		running.End()
		return false, "", fmt.Errorf("stopped after %v", execLimit)
	}
	var exit *exec.ExitError
	switch err := running.Err(); {
	case err == nil:
		return true, running.Printed(), nil
	case errors.As(err, &exit) && exit.Exited():
		return false, running.Printed(), nil
	default:
		return false, "", err
	}
}

// CheckOwner returns an error if anyone but this user and root can write to the directive's file.
// Commands in such a file must not be run.
func (d Directive) CheckOwner() error {
	if d.path == "" {
		return nil
	}
	info, err := os.Stat(d.path)
	if err == nil {
		err = checkOwner(d.file, info)
	}
	if err != nil {
		return fmt.Errorf("%s: %s runs a command: %w", d.At(), d.Name, err)
	}
	return nil
}
