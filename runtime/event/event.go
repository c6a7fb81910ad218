// Package event holds what happens during a run, as values.
//
// Its one rule: everything the outside sees of a run passes through a Stream as an Event. Before it exists, texts are cleaned of what a
// terminal would act on, and secrets are replaced by value. Sinks (terminal, JSON lines, journal, report) read the stream;
// nothing that makes events knows of any of them.
package event

import (
	"time"
)

// Version is the version of the event schema, written into the run_begun event. It grows when a field
// changes its meaning or goes away.
const Version = 1

// Kind names what happened. The fields that a kind sets are listed beside it; Time, Host, Step and Line are
// set on every event for which they are known.
type Kind string

// The kinds of event.
const (
	RunBegun     Kind = "run_begun"     // Text: the recipe; Args: its options as given; By; Hosts; DryRun; Version
	Connected    Kind = "connected"     // Text: user@address:port; Seconds
	Disconnected Kind = "disconnected"  // Error when it was not asked for
	HostBegun    Kind = "host_begun"    // a host's function of an each begins
	HostEnded    Kind = "host_ended"    // Seconds; State; Error
	StepBegun    Kind = "step_begun"    // the step's title is the last of Step
	StepEnded    Kind = "step_ended"    // Seconds; Error
	CommandBegun Kind = "command_begun" // Text: the command as it would be typed
	Output       Kind = "output"        // Stream: "stdout" or "stderr"; Text: whole lines where possible. In the journal, Bytes: so much was left out here, as Text says
	CommandEnded Kind = "command_ended" // Text: the command; Code; Seconds; Error
	Transferring Kind = "transferring"  // Text: the file or folder; Bytes so far, of Total where that is known; now and then during a long transfer
	Changed      Kind = "changed"       // Text: what was changed on the host without a command (a file, a link)
	WouldChange  Kind = "would_change"  // Text: what a dry run left out
	Assumed      Kind = "assumed"       // Text: what a dry run takes for a result that doesn't exist yet, where the recipe uses it
	KeyUsed      Kind = "key_used"      // Text: the fingerprint of the key that the agent signed with, and for whom
	KeyRefused   Kind = "key_refused"   // Text: why the agent refused a request
	LockTaken    Kind = "lock_taken"    // Text: the path
	LockWaiting  Kind = "lock_waiting"  // Text: who holds it
	Info         Kind = "info"          // Text
	Warning      Kind = "warning"       // Text
	Result       Kind = "result"        // Columns: what the last table says of this host
	Table        Kind = "table"         // Columns are in Header, cells in Rows: a result that a recipe shows
	Printed      Kind = "printed"       // Text: a line of the recipe's own output
	HookBegun    Kind = "hook_begun"    // Text: "defer" or "on_failure"; Line is the one that left it
	HookEnded    Kind = "hook_ended"    // the same; Seconds; Error
	Resumable    Kind = "resumable"     // Text: the command line that finishes this run, should it not come to its end; Hint: the one that undoes it; Args: the options that it needs
	Interrupted  Kind = "interrupted"   // Text: what becomes of the run now
	Skipped      Kind = "skipped"       // Text: a defer or on_failure that a second interrupt left out
	RunEnded     Kind = "run_ended"     // Seconds; Code: the exit status; Error; Hint; Faults; Args: release and revision, where the recipe said them
)

// Fault is one failure of a run, in the parts that a program asks for.
type Fault struct {
	Host    string   `json:"host,omitempty"`    // "" when no host is to blame
	Step    []string `json:"step,omitempty"`    // titles, outermost first
	Line    string   `json:"line,omitempty"`    // the line of the recipe, FILE:LINE
	Message string   `json:"message"`           // what was wrong, one cause
	Command string   `json:"command,omitempty"` // the command that failed
	Code    *int     `json:"code,omitempty"`    // its exit status
	Hint    string   `json:"hint,omitempty"`    // what to do next
}

// Event is one thing that happened. The zero value of a field means that it doesn't apply, except for Code,
// which is a pointer because 0 is a status.
type Event struct {
	Kind    Kind              `json:"kind"`              // what happened
	Time    time.Time         `json:"time"`              // RFC 3339 with nanoseconds, UTC
	Host    string            `json:"host,omitempty"`    // the host's name in the hosts file
	Step    []string          `json:"step,omitempty"`    // titles, outermost first
	Line    string            `json:"line,omitempty"`    // the line of the recipe, FILE:LINE
	Text    string            `json:"text,omitempty"`    // see the kind
	Stream  string            `json:"stream,omitempty"`  // "stdout" or "stderr"
	Code    *int              `json:"code,omitempty"`    // an exit status
	Seconds float64           `json:"seconds,omitempty"` // a duration, in seconds
	Bytes   int64             `json:"bytes,omitempty"`   // see Transferring
	Total   int64             `json:"total,omitempty"`   // see Transferring
	State   string            `json:"state,omitempty"`   // a host's state: released, restored, failed, not touched …
	Error   string            `json:"error,omitempty"`   // a failure in words, one cause
	Hint    string            `json:"hint,omitempty"`    // what to do next
	Faults  []Fault           `json:"faults,omitempty"`  // see RunEnded: the failures that Error tells, one by one
	Columns map[string]string `json:"columns,omitempty"` // see Result
	Header  []string          `json:"header,omitempty"`  // see Table
	Rows    [][]string        `json:"rows,omitempty"`    // see Table
	Args    map[string]any    `json:"args,omitempty"`    // see RunBegun, Resumable and RunEnded
	By      string            `json:"by,omitempty"`      // see RunBegun: user@machine
	Hosts   []string          `json:"hosts,omitempty"`   // see RunBegun: the names of all hosts of the run, in their order
	DryRun  bool              `json:"dry_run,omitempty"` // see RunBegun
	Version int               `json:"version,omitempty"` // see RunBegun

	raw string // see Raw
}

// Raw is the text of an Output or Printed event as it was printed, to the byte, with secrets replaced: for who passes it on to a program.
// No terminal may see it.
func (e Event) Raw() string { return e.raw }

// Sink reads the events of a run, one at a time and in their order. Close is called once, after the last.
type Sink interface {
	Event(Event)
	Close() error
}
