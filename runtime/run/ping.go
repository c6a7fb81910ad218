package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/inventory/selection"
	"runbook/runtime/recipe"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// PingOptions configure Ping.
type PingOptions struct {
	Script         string            // for /bin/sh; prints the lines that Pinged.parse reads
	Settings       map[string]string // the variables that the script takes; the vars of a host override them
	Given          map[string]string // the settings that the admin has given, for every host
	ConnectTimeout time.Duration     // as in inventory.Options
	Skip           selection.Limit   // how many unreachable hosts to go on without
	Prompt         recipe.Prompt     // nil without a terminal
}

// PingSettings returns the settings that a script declares in "# settings: NAME=DEFAULT …".
func PingSettings(script string) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(script) {
		declared, ok := strings.CutPrefix(line, "# settings:")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(declared) {
			name, value, _ := strings.Cut(word, "=")
			settings[name] = value
		}
	}
	return settings
}

// Pinged holds what was found on a host. Unknown values are empty.
type Pinged struct {
	Err         error    `json:"-"`                 // why the host can't be used, or nil
	Skipped     bool     `json:"skipped,omitempty"` // Err is that it is unreachable, within the limit
	Reachable   string   `json:"reachable"`
	HostKey     string   `json:"host_key,omitempty"` // "verified", "unknown", "changed" or "revoked"
	Login       string   `json:"login,omitempty"`    // "ok" or "refused"
	Python      string   `json:"python,omitempty"`   // its version, or "missing"
	Git         string   `json:"git,omitempty"`
	DiskFree    int64    `json:"disk_free_bytes,omitempty"` // for users other than root
	DiskTotal   int64    `json:"disk_total_bytes,omitempty"`
	InodesFree  int64    `json:"inodes_free,omitempty"`
	InodesTotal int64    `json:"inodes_total,omitempty"`
	Clock       *float64 `json:"clock_skew_seconds,omitempty"` // how far the host's clock is ahead of this machine's
	Current     string   `json:"current,omitempty"`            // the name of the current release, or "none"
	Server      string   `json:"server,omitempty"`             // "running", "not running"; "" without mod_wsgi-express
}

// Serving returns the current release for a table, and notes if its server is down.
func (p Pinged) Serving() string {
	if p.Server == "not running" {
		return p.Current + ", server not running"
	}
	return p.Current
}

// Ping connects to every host and returns what it found on them, in the order of the hosts.
func Ping(ctx context.Context, stream *event.Stream, hosts []inventory.Host, o PingOptions) ([]Pinged, error) {
	ctx = event.WithStream(ctx, stream)
	reach := ssh.Options{ConnectTimeout: o.ConnectTimeout, Prompt: o.Prompt}
	pool := shell.NewPool(stream, shell.Options{Options: reach})
	found := make([]Pinged, len(hosts))
	errs := forEach(hosts, connectLimit, func(i int, target inventory.Host) error {
		ctx := event.WithHost(ctx, target.Name)
		found[i] = ping(ctx, stream, pool.Host(target), o)
		return locate(ctx, found[i].Err)
	})
	for _, i := range skip(o.Skip, errs) {
		found[i].Skipped = true
	}
	for i, err := range errs {
		found[i].Err = err
	}
	if err := pool.Close(); err != nil {
		return found, fmt.Errorf("closing the connections: %w", err)
	}
	return found, nil
}

func ping(ctx context.Context, stream *event.Stream, h *shell.Host, o PingOptions) (p Pinged) {
	if err := h.Connect(ctx); err != nil {
		return unreachablePinged(err)
	}
	// With many hosts, only those being checked keep a connection open.
	defer func() { p.Err = Join(p.Err, h.Close()) }()
	p = Pinged{Reachable: "yes", HostKey: "verified", Login: "ok"}
	p.Err = p.lookAround(ctx, stream, h, o)
	return p
}

// settingsFor returns the settings on a host: as given, else as in its vars, else the defaults.
func (o PingOptions) settingsFor(vars map[string]any) map[string]string {
	settings := maps.Clone(o.Settings)
	for name := range settings {
		if text, ok := vars[name].(string); ok {
			settings[name] = text
		}
	}
	maps.Copy(settings, o.Given)
	return settings
}

// lookAround fills in what the host itself reports.
func (p *Pinged) lookAround(ctx context.Context, stream *event.Stream, h *shell.Host, o PingOptions) error {
	before := time.Now()
	r, err := h.Run(ctx, shell.Command{Argv: []string{"date", "+%s.%N"}, AnyStatus: true, Quiet: true})
	if err != nil {
		return err
	}
	p.measureClock(r.Stdout, before, time.Now())
	env := o.settingsFor(h.Target().Vars)
	r, err = h.Run(ctx, shell.Command{Script: o.Script, Env: env, AnyStatus: true, Quiet: true})
	if err != nil {
		return err
	}
	p.parse(stream.Redact(r.Stdout))
	return nil
}

// measureClock compares what date printed with this machine's time before and after. A host time
// between these two is not a skew. A date without nanoseconds prints a letter for them.
func (p *Pinged) measureClock(printed string, before, after time.Time) {
	whole, part, _ := strings.Cut(strings.TrimSpace(printed), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return
	}
	earliest, latest := time.Unix(seconds, 0), time.Unix(seconds+1, 0)
	if nanos, err := strconv.ParseInt(part, 10, 64); err == nil {
		earliest = time.Unix(seconds, nanos)
		latest = earliest
	}
	var skew float64
	switch {
	case earliest.After(after):
		skew = earliest.Sub(after).Seconds()
	case latest.Before(before):
		skew = latest.Sub(before).Seconds()
	}
	p.Clock = &skew
}

// parse reads the lines that the script printed.
func (p *Pinged) parse(printed string) {
	for line := range strings.SplitSeq(printed, "\n") {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "python":
			p.Python = programVersion(value, "Python ")
		case "git":
			p.Git = programVersion(value, "git version ")
		case "disk":
			total, free := diskSpace(value)
			p.DiskTotal, p.DiskFree = total*1024, free*1024
		case "inodes":
			p.InodesTotal, p.InodesFree = diskSpace(value)
		case "current":
			p.Current = strings.TrimSpace(value)
		case "server":
			if value == "running" || value == "not running" {
				p.Server = value
			}
		}
	}
}

// programVersion returns the version that a program printed, or "missing".
func programVersion(printed, prefix string) string {
	words := strings.Fields(printed)
	if len(words) == 0 || words[len(words)-1] == "missing" {
		return "missing"
	}
	return strings.TrimPrefix(printed, prefix)
}

// diskSpace parses total and free of a line of df; zeros if it can't. The name of a file system may
// have spaces in it. The numbers after it have none, and the mount point comes last.
func diskSpace(line string) (total, free int64) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return 0, 0
	}
	for i := 1; i+3 < len(fields); i++ {
		total, err1 := strconv.ParseInt(fields[i], 10, 64)
		_, err2 := strconv.ParseInt(fields[i+1], 10, 64)
		free, err3 := strconv.ParseInt(fields[i+2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			return total, free
		}
	}
	return 0, 0
}

// unreachablePinged returns which stages a connection passed before it failed.
func unreachablePinged(err error) Pinged {
	p := Pinged{Err: err, Reachable: "yes"}
	var (
		connect *ssh.ConnectError
		unknown *ssh.UnknownKeyError
		changed *ssh.ChangedKeyError
		revoked *ssh.RevokedKeyError
		login   *ssh.LoginError
	)
	switch {
	case errors.As(err, &connect):
		p.Reachable = "no: " + string(connect.Cause)
	case errors.As(err, &unknown):
		p.HostKey = "unknown"
	case errors.As(err, &changed):
		p.HostKey = "changed"
	case errors.As(err, &revoked):
		p.HostKey = "revoked"
	case errors.As(err, &login):
		p.HostKey, p.Login = "verified", "refused"
	default:
		p.Reachable = "no"
	}
	return p
}
