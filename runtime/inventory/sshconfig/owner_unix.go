//go:build unix

package sshconfig

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// checkOwner returns an error if anyone but this user and root can write to a file. The rule is
// that of Debian's and Ubuntu's OpenSSH: a group may write if the owner is its only member, because
// their umask 002 makes such files.
func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case stat.Uid != 0 && int(stat.Uid) != os.Getuid():
		return unsafeFile(path, "belongs to another user")
	case info.Mode()&0o002 != 0:
		return unsafeFile(path, "every user can write to it")
	case info.Mode()&0o020 != 0 && !hasOwnGroup(stat):
		return unsafeFile(path, "its group can write to it")
	}
	return nil
}

// hasOwnGroup reports whether the group of a file is the primary one of its owner, without other
// members.
func hasOwnGroup(stat *syscall.Stat_t) bool {
	owner, err := user.LookupId(strconv.FormatUint(uint64(stat.Uid), 10))
	gid := strconv.FormatUint(uint64(stat.Gid), 10)
	if err != nil || owner.Gid != gid {
		return false
	}
	text, err := os.ReadFile("/etc/group")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) { // NAME:PASSWORD:GID:MEMBER,MEMBER
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) == 4 && fields[2] == gid {
			return fields[3] == "" || fields[3] == owner.Username
		}
	}
	return false
}
