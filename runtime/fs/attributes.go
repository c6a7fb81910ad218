package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
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
	wanted, err := parseMode(mode)
	if err != nil {
		return false, o.fail(err)
	}
	was, _, err := o.change("chmod", octal(wanted), strings.TrimLeft(octal(wanted), "0"))
	was = fmt.Sprintf("%04s", was)
	switch {
	case err != nil:
		return false, o.fail(err)
	case was == "link":
		return false, o.fail(errLink)
	case was == octal(wanted):
		return false, nil
	}
	o.changed("set mode %s of %s, which was %s", octal(wanted), o.path, was)
	return true, nil
}

var errLink = event.WithHint(errors.New("is a link"), "name its target")

// Chown sets the owner and the group of a file or folder, each by name or number; "" keeps it. It
// returns false if they are these. A link is an error.
func (f Files) Chown(ctx context.Context, path string, wanted owner.Owner) (bool, error) {
	o, err := f.begin(ctx, "chown", path)
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
	did, _, err := o.change("chown", wanted.User, wanted.Group, wanted.String())
	if err == nil && did == "link" {
		err = errLink
	}
	return err == nil && did == "given", err
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
