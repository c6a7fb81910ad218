// Package owner reads the options owner and group of functions that change files on a host.
package owner

import (
	"fmt"
	"strings"
)

// Owner is a user and a group, each a name, a number, or "" for any.
type Owner struct{ User, Group string }

// Check refuses a name that chown(1) would read as something else.
func (o Owner) Check() error {
	for _, given := range [][2]string{{"owner", o.User}, {"group", o.Group}} {
		if what, name := given[0], given[1]; strings.ContainsAny(name, ":/\n\x00") || strings.HasPrefix(name, "-") {
			return fmt.Errorf("%s: %q is not the name or number of a user or group", what, name)
		}
	}
	return nil
}

// Split splits a user written as USER:GROUP, as chown(1) accepts it.
func (o Owner) Split() (Owner, error) {
	user, second, both := strings.Cut(o.User, ":")
	switch {
	case both && o.Group != "":
		return o, fmt.Errorf("the group is given twice: %q and %q", second, o.Group)
	case both:
		return Owner{user, second}, nil
	}
	return o, nil
}

// String returns the argument of chown(1), or "".
func (o Owner) String() string {
	if o.Group == "" {
		return o.User
	}
	return o.User + ":" + o.Group
}

// Actual is the owner of a file, as the host has it.
type Actual struct{ User, Group, UID, GID string }

// Is reports whether a file that belongs to a has the owner o.
func (a Actual) Is(o Owner) bool {
	is := func(given, name, id string) bool { return given == "" || given == name || given == id }
	return is(o.User, a.User, a.UID) && is(o.Group, a.Group, a.GID)
}
