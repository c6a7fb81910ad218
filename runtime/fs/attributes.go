package fs

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
)

// Chmod sets the mode of a file or folder, octal. It returns false if that is its mode. A link is
// an error.
func (f Files) Chmod(ctx context.Context, path, mode string) (bool, error) {
	o, err := f.begin(ctx, "chmod", path)
	if err != nil {
		return false, err
	}
	if mode == "" {
		return false, o.fail(errors.New("the mode is empty"))
	}
	wanted, err := parseMode(mode, 0)
	if err != nil {
		return false, o.fail(err)
	}
	fi, err := o.lstat(o.path)
	switch {
	case err != nil:
		return false, o.fail(err)
	case kind(fi) == "link":
		return false, o.fail(errLink)
	case modeOf(fi) == octal(wanted):
		return false, nil
	}
	if err := o.do(func() error { return o.files.Chmod(o.path, wanted) }); err != nil {
		return false, o.fail(err)
	}
	o.changed("set mode %s of %s, which was %s", octal(wanted), o.path, modeOf(fi))
	return true, nil
}

var errLink = event.WithHint(errors.New("is a link"), "name its target")

// Chown sets the owner and the group of a file or folder, each by name or number; "" keeps it. It
// returns false if they are these. A link is an error.
func (f Files) Chown(ctx context.Context, path string, wanted owner.Owner) (bool, error) {
	o, err := f.plan(ctx, "chown", path)
	if err != nil {
		return false, err
	}
	changed, err := o.chown(wanted)
	if err != nil {
		return false, o.fail(err)
	}
	if changed {
		o.changed("gave %s to %s", o.path, wanted)
	}
	return changed, nil
}

func (o *operation) chown(wanted owner.Owner) (bool, error) {
	if wanted.String() == "" {
		return false, errors.New("neither an owner nor a group is given")
	}
	if err := wanted.Check(); err != nil {
		return false, err
	}
	now, err := o.look(-1)
	switch {
	case err != nil:
		return false, err
	case now.kind == "nothing":
		return false, os.ErrNotExist
	case now.kind == "link":
		return false, errLink
	case now.owner.Is(wanted):
		return false, nil
	}
	r, err := o.host.Run(o.ctx, shell.Command{Script: filesScript, Args: []string{"chown", o.path, wanted.String()},
		Sudo: o.user, Resident: true, Quiet: true, AnyStatus: true})
	if err == nil && r.Code != 0 {
		err = o.scriptError(r)
	}
	return err == nil, err
}

// octal returns a mode as four octal digits.
func octal(mode os.FileMode) string {
	bits := uint32(mode.Perm())
	for bit, m := range map[uint32]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if mode&m != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}

// modeOf returns the mode of a file as the host has it.
func modeOf(fi os.FileInfo) string {
	if st, ok := fi.Sys().(*sftp.FileStat); ok {
		return fmt.Sprintf("%04o", st.Mode&0o7777)
	}
	return octal(fi.Mode())
}
