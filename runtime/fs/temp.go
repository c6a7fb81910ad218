package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"runbook/runtime/ssh/shell"
)

// The scripts of a temporary folder, whose name is $1.
const (
	makeTemp = `umask 077; t=${TMPDIR:-/tmp}; case $t in /*) ;; *) t=/tmp ;; esac; ` +
		`mkdir -- "$t/$1" && printf %s "$t/$1"`
	removeTemp = `t=${TMPDIR:-/tmp}; case $t in /*) ;; *) t=/tmp ;; esac; [ -d "$t/$1" ] || exit 0
find "$t/$1" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null; rm -rf -- "$t/$1"`
)

// Temp creates a folder that only its user can enter, calls fn with its path, and removes the
// folder with its contents, even after an interrupt. The name is chosen here, so that the folder
// can be removed even if its creation was interrupted.
func (f Files) Temp(ctx context.Context, fn func(dir string) error) error {
	name := tempName()
	run := func(ctx context.Context, script string) (string, error) {
		r, err := f.host.Run(ctx, shell.Command{Script: script, Args: []string{name}, Sudo: f.user, Resident: true,
			Quiet: true, AnyStatus: true})
		if err == nil && r.Code != 0 {
			err = &Error{f.host.Name(), "make a temporary folder", name, (&operation{Files: f, ctx: ctx}).hostError(r)}
		}
		return r.Stdout, err
	}
	dir, err := run(ctx, makeTemp)
	switch {
	case err == nil && strings.HasPrefix(dir, "/"):
		err = fn(dir)
	case err == nil:
		err = &Error{f.host.Name(), "make a temporary folder", name, errors.New("the host did not name it")}
	case ctx.Err() == nil:
		return err // nothing was created
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	if _, left := run(ctx, removeTemp); left != nil {
		return errors.Join(err, left)
	}
	return err
}

func tempName() string { return "runbook-" + rand.Text()[:16] }
