package lab

import (
	"fmt"
	"strings"
)

// hostsHead is the beginning of a hosts file: what holds for every host.
func hostsHead(user, identity, known string) string {
	const head = "-- Written by a lab: throwaway hosts on this machine.\n" +
		"return {\n  user = %s, identity = %s,\n  known_hosts = %s,\n"
	return fmt.Sprintf(head, luaString(user), luaString(identity), luaString(known))
}

// luaString quotes s as Lua 5.1 reads it, which knows none of Go's \x and \u.
func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
