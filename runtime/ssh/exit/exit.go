// Package exit tells how a command in an SSH session ended.
package exit

import (
	"encoding/binary"

	gossh "golang.org/x/crypto/ssh"
)

// Status is how a command ended.
type Status struct {
	Code   int    // the exit status; after a signal 128 plus its number, or 128
	Signal string // the name of the signal, such as "TERM", or ""
}

// signals are the numbers of the signals that SSH has names for.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10,
	"SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}

// Parse returns how the command ended, if the request says that.
func Parse(r *gossh.Request) (Status, bool) {
	switch r.Type {
	case "exit-status":
		if len(r.Payload) == 4 {
			return Status{Code: int(binary.BigEndian.Uint32(r.Payload))}, true
		}
	case "exit-signal":
		var m struct {
			Signal          string
			CoreDumped      bool
			Error, Language string
		}
		if gossh.Unmarshal(r.Payload, &m) == nil {
			return Status{Code: 128 + signals[m.Signal], Signal: m.Signal}, true
		}
	}
	return Status{}, false
}
