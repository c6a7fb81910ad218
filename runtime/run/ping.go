package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh"
)

// Place says what to look for on a host.
type Place struct {
	Root       string // the root folder of the releases
	ServerRoot string // the folder of mod_wsgi-express; "" for server in Root
	Python     string // the interpreter
}

// Pinged is what was found on a host. What could not be found out is left empty.
type Pinged struct {
	Err         error    `json:"-"` // why it can't be used, or nil
	Reachable   string   `json:"reachable"`
	HostKey     string   `json:"host_key,omitempty"` // "verified", "unknown", "changed" or "revoked"
	Login       string   `json:"login,omitempty"`    // "ok" or "refused"
	Python      string   `json:"python,omitempty"`   // its version, or "missing"
	Git         string   `json:"git,omitempty"`
	DiskFree    int64    `json:"disk_free_bytes,omitempty"` // for those who aren't root
	DiskTotal   int64    `json:"disk_total_bytes,omitempty"`
	InodesFree  int64    `json:"inodes_free,omitempty"`
	InodesTotal int64    `json:"inodes_total,omitempty"`
	Clock       *float64 `json:"clock_skew_seconds,omitempty"` // how far the host's clock is ahead of this machine's
	Current     string   `json:"current,omitempty"`            // the name of the current release, or "none"
	Server      string   `json:"server,omitempty"`             // "running" or "not running", where mod_wsgi-express is set up
}

// Serving is the current release in the words of a table, with what keeps it from being served.
func (p Pinged) Serving() string {
	if p.Server == "not running" {
		return p.Current + ", server not running"
	}
	return p.Current
}

// Ping connects to every host, at most connectAtOnce at a time, looks around, and returns what it found in the hosts' order.
// host.vars may say another place for a host.
func Ping(ctx context.Context, hosts []inventory.Host, place Place, o Options) ([]Pinged, error) {
	pool := newPool(o)
	found := make([]Pinged, len(hosts))
	indexes := make([]int, len(hosts))
	for i := range hosts {
		indexes[i] = i
	}
	forAll(indexes, connectAtOnce, func(i int) error {
		ctx := event.WithHost(ctx, hosts[i].Name)
		found[i] = ping(ctx, pool.Host(hosts[i]), place)
		found[i].Err = locate(ctx, found[i].Err)
		return nil
	})
	if err := pool.Close(); err != nil {
		return found, fmt.Errorf("closing the connections: %w", err)
	}
	return found, nil
}

func ping(ctx context.Context, h *ssh.Host, place Place) (p Pinged) {
	if err := h.Connect(ctx); err != nil {
		return notConnected(err)
	}
	// Nothing more is asked of it: of many hosts only those that are looked at have a connection.
	defer func() { p.Err = joined(p.Err, h.Close()) }()
	p = Pinged{Reachable: "yes", HostKey: "verified", Login: "ok"}
	vars := h.Target().Vars
	for name, setting := range map[string]*string{"root": &place.Root, "server_root": &place.ServerRoot, "python": &place.Python} {
		if text, ok := vars[name].(string); ok {
			*setting = text
		}
	}
	before := time.Now()
	r, err := h.Run(ctx, ssh.Command{Argv: []string{"date", "+%s.%N"}, AnyStatus: true, Quiet: true})
	if err != nil {
		p.Err = err
		return p
	}
	p.clock(r.Stdout, before, time.Now())
	r, err = h.Run(ctx, ssh.Command{Script: lookAround, Env: map[string]string{"ROOT": place.Root, "SERVER": cmp.Or(strings.TrimRight(place.ServerRoot, "/"), strings.TrimRight(place.Root, "/")+"/server"), "PYTHON": place.Python}, AnyStatus: true, Quiet: true})
	if err != nil {
		p.Err = err
		return p
	}
	p.read(event.Redact(ctx, r.Stdout), place.Root)
	return p
}

// lookAround prints NAME VALUE lines. df is POSIX's (-P), and -i is known wherever inodes are counted. After a reboot the number
// in httpd.pid may belong to another program, so its command line is compared where it can be read.
const lookAround = `
echo python $("$PYTHON" --version 2>&1 || echo missing)
echo git $(git --version 2>/dev/null || echo missing)
d=$ROOT
while [ ! -d "$d" ] && [ "$d" != / ] && [ -n "$d" ]; do d=$(dirname "$d"); done
echo disk $(df -Pk "$d" | tail -n 1)
echo inodes $(df -Pi "$d" 2>/dev/null | tail -n 1)
echo current $(readlink "$ROOT/current" || echo none)
[ -e "$SERVER/httpd.conf" ] || exit 0
pid=$(cat "$SERVER/httpd.pid" 2>/dev/null)
if [ -z "$pid" ]; then echo server not running
elif [ -r "/proc/$pid/cmdline" ]; then
	tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$SERVER" && echo server running || echo server not running
elif kill -0 "$pid" 2>/dev/null; then echo server running
else echo server not running
fi
`

// clock compares what date printed with the time of this machine before and after. What lies between them is no skew.
// Where date knows no nanoseconds it says a letter.
func (p *Pinged) clock(printed string, before, after time.Time) {
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

func (p *Pinged) read(printed, root string) {
	for _, line := range strings.Split(printed, "\n") {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "python", "git":
			words := strings.Fields(value)
			version := "missing"
			if len(words) > 0 && words[len(words)-1] != version {
				version = strings.TrimPrefix(strings.TrimPrefix(value, "Python "), "git version ")
			}
			*map[string]*string{"python": &p.Python, "git": &p.Git}[name] = version
		case "disk":
			p.DiskTotal, p.DiskFree = space(value)
			p.DiskTotal, p.DiskFree = p.DiskTotal*1024, p.DiskFree*1024
		case "inodes":
			p.InodesTotal, p.InodesFree = space(value)
		case "current":
			p.Current = strings.TrimPrefix(value, strings.TrimRight(root, "/")+"/releases/")
		case "server":
			if value == "running" || value == "not running" {
				p.Server = value
			}
		}
	}
}

// space is total and free of a line of df, or zeros.
func space(line string) (total, free int64) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return 0, 0
	}
	// A file system's name may have spaces in it; the fields behind it have not, and the last is the mount point.
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

// notConnected is how far the connection came.
func notConnected(err error) Pinged {
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
