package console

import "testing"

// TestCommand separates lines for the console itself from Lua.
func TestCommand(t *testing.T) {
	for line, want := range map[string]bool{
		"help\n": true, " ? ": true, "?host:run": true, "?hosts[1].fs:read": true, "help host:run\n": true,
		"help host.fs:write": true, "help()": true, "exit": true, "quit ( )": true,
		"help = 1": false, "help(x)": false, "helper": false, "exit = 1": false, "exits": false, "x = exit": false,
		"help a b": false, "f(\nexit\n": false, "": false,
	} {
		if got := command.MatchString(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
