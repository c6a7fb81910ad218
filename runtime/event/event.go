// Package event defines the events of a run.
//
// Its one rule: everything that the outside sees of a run passes through a Stream as an Event. The
// stream first cleans the texts of what a terminal would obey, and replaces secrets by value. Sinks
// (terminal, JSON lines, journal, report) read the stream; the code that emits events knows none of
// them.
package event

import (
	"time"
)

// Version is the version of the event schema, in the run_begun event. It increases when a field
// changes its meaning or is removed.
const Version = 1

// Kind is what happened. The comment of a kind lists its fields; Time, Host, Step and Line are set
// on every event if known.
type Kind string

// The kinds of event.
const (
	// Text: the recipe; Args: its options as given; By; Hosts; Order; DryRun; Version
	RunBegun     Kind = "run_begun"
	Connected    Kind = "connected"     // Text: user@address:port; Seconds
	Disconnected Kind = "disconnected"  // Error if the connection was lost
	HostBegun    Kind = "host_begun"    // each begins the function of a host
	HostEnded    Kind = "host_ended"    // Seconds; State; Error
	StepBegun    Kind = "step_begun"    // the step's title is the last of Step
	StepEnded    Kind = "step_ended"    // Seconds; Error
	CommandBegun Kind = "command_begun" // Text: the command as it would be typed
	// Stream: "stdout" or "stderr"; Text: whole lines if possible. In the journal, Bytes: how much
	// was omitted here
	Output       Kind = "output"
	CommandEnded Kind = "command_ended" // Text: the command; Code; Seconds; Error
	// Text: the file or folder; Bytes so far, of Total if known; repeated during a long transfer
	Transferring Kind = "transferring"
	Changed      Kind = "changed"      // Text: what was changed on the host without a command (a file, a link)
	WouldChange  Kind = "would_change" // Text: what a dry run skipped
	// Text: the value that a dry run assumes for a missing result, where the recipe uses it
	Assumed  Kind = "assumed"
	PlanMade Kind = "plan" // Plan: what the run would do; once, at the end of a dry run
	// Text: the fingerprint of the key that the agent signed with, and the destination
	KeyUsed     Kind = "key_used"
	KeyRefused  Kind = "key_refused"  // Text: why the agent refused a request
	LockTaken   Kind = "lock_taken"   // Text: the path
	LockWaiting Kind = "lock_waiting" // Text: who holds it
	Info        Kind = "info"         // Text
	Warning     Kind = "warning"      // Text
	Result      Kind = "result"       // State; Tone; Columns: the row of this host in the last table
	Table       Kind = "table"        // Columns are in Header, cells in Rows: a result that a recipe shows
	Printed     Kind = "printed"      // Text: a line of the recipe's own output
	HookBegun   Kind = "hook_begun"   // Text: "defer" or "on_failure"; Line is the line that registered it
	HookEnded   Kind = "hook_ended"   // Text and Line as in hook_begun; Seconds; Error
	// Text: the command line that finishes this run, should it not come to its end; Hint: the one
	// that undoes it; Args: the options that it needs
	Resumable   Kind = "resumable"
	Interrupted Kind = "interrupted" // Text: what happens next
	// Text: a defer or on_failure that a second interrupt skipped, or a step that --skip or --step
	// left out
	Skipped Kind = "skipped"
	// Seconds; Code: the exit status; Error; Hint; Faults; Args: what the run was about, by the
	// names in Order; Hosts: those that were unreachable and skipped
	RunEnded Kind = "run_ended"
)

// Fault is one failure of a run, for programs.
type Fault struct {
	Host    string   `json:"host,omitempty"`    // "" if it concerns no host
	Step    []string `json:"step,omitempty"`    // titles, outermost first
	Line    string   `json:"line,omitempty"`    // the line of the recipe, FILE:LINE
	Message string   `json:"message"`           // the cause
	Command string   `json:"command,omitempty"` // the command that failed
	Code    *int     `json:"code,omitempty"`    // its exit status
	Hint    string   `json:"hint,omitempty"`    // what to do next
}

// Event is one event of a run. A field with its zero value does not apply. Code is a pointer
// because 0 is a status.
type Event struct {
	Kind    Kind      `json:"kind"`              // what happened
	Time    time.Time `json:"time"`              // RFC 3339 with nanoseconds, UTC
	Host    string    `json:"host,omitempty"`    // the host's name in the hosts file
	Step    []string  `json:"step,omitempty"`    // titles, outermost first
	Line    string    `json:"line,omitempty"`    // the line of the recipe, FILE:LINE
	Text    string    `json:"text,omitempty"`    // see the kind
	Stream  string    `json:"stream,omitempty"`  // "stdout" or "stderr"
	Code    *int      `json:"code,omitempty"`    // an exit status
	Seconds float64   `json:"seconds,omitempty"` // a duration
	Bytes   int64     `json:"bytes,omitempty"`   // see Transferring
	Total   int64     `json:"total,omitempty"`   // see Transferring
	State   string    `json:"state,omitempty"`   // a host's state: released, restored, failed, not touched …
	// "good", "bad" or "busy": how good a state is, when the recipe chose its name
	Tone    string            `json:"tone,omitempty"`
	Error   string            `json:"error,omitempty"`   // why it failed
	Hint    string            `json:"hint,omitempty"`    // what to do next
	Faults  []Fault           `json:"faults,omitempty"`  // see RunEnded: the failures of Error, one by one
	Columns map[string]string `json:"columns,omitempty"` // see Result
	Header  []string          `json:"header,omitempty"`  // see Table
	Rows    [][]string        `json:"rows,omitempty"`    // see Table
	Plan    *Plan             `json:"plan,omitempty"`    // see PlanMade
	Args    map[string]any    `json:"args,omitempty"`    // see RunBegun, Resumable and RunEnded
	By      string            `json:"by,omitempty"`      // see RunBegun: user@machine
	// see RunBegun: the names of all hosts of the run, in their order; and RunEnded
	Hosts []string `json:"hosts,omitempty"`
	// see RunBegun: the columns of the last table that come first, in their order
	Order   []string `json:"order,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"` // see RunBegun
	Version int      `json:"version,omitempty"` // see RunBegun

	raw string // see Raw
}

// Raw returns the text of an Output or Printed event byte for byte, with secrets replaced, to pass
// it on to a program. It must not reach a terminal.
func (e Event) Raw() string { return e.raw }

// Sink receives the events of a run in order, one at a time. Close is called once, after the last.
type Sink interface {
	Event(Event)
	Close() error
}
