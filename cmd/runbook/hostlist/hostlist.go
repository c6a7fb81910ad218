// Package hostlist shows the hosts of an inventory and their settings, as tables and for programs.
package hostlist

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/run"
)

// Line is a line of hosts --json.
type Line struct {
	Name    string         `json:"name"`
	Address string         `json:"address"`
	Port    int            `json:"port"`
	User    string         `json:"user"`
	Jump    string         `json:"jump,omitempty"`
	Proxy   []string       `json:"proxy,omitempty"`
	Tags    []string       `json:"tags"`
	Vars    map[string]any `json:"vars"`
	Source  string         `json:"source"`
	OK      *bool          `json:"ok,omitempty"`    // with --ping
	Error   string         `json:"error,omitempty"` // with --ping
	*run.Pinged
}

// Table returns the hosts as a table; with pinged, what was found on each.
func Table(hosts []inventory.Host, pinged []run.Pinged) event.Event {
	e := event.Event{Kind: event.Table, Header: []string{"name", "address", "port", "user", "tags", "source"}}
	if pinged != nil {
		e.Header = []string{"name", "login", "result", "python", "git", "disk free", "inodes", "clock", "current"}
	}
	for i, h := range hosts {
		if pinged == nil {
			tags := strings.Join(h.Tags, ",")
			e.Rows = append(e.Rows, []string{h.Name, h.Address, strconv.Itoa(h.Port), h.User, tags, h.Source})
		} else {
			e.Rows = append(e.Rows, append([]string{h.Name, loginOf(h)}, pingCells(pinged[i])...))
		}
	}
	return e
}

// loginOf returns user@address, with the port unless it is 22.
func loginOf(h inventory.Host) string {
	at := h.Address
	if h.Port != 22 {
		at = net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
	}
	return h.User + "@" + at
}

// pingCells formats what --ping found on a host as cells of the table.
func pingCells(one run.Pinged) []string {
	cells := []string{pingResult(one), one.Python, one.Git, "", "", "", one.Serving()}
	if one.DiskTotal > 0 {
		cells[3] = fmt.Sprintf("%.1f GB", float64(one.DiskFree)/1e9)
	}
	if one.InodesTotal > 0 { // btrfs, for one, reports none
		cells[4] = fmt.Sprintf("%d %%", one.InodesFree*100/one.InodesTotal)
	}
	if one.Clock != nil {
		cells[5] = fmt.Sprintf("%+.1f s", *one.Clock)
	}
	return cells
}

// pingResult returns "ok", or the stage at which the connection failed.
func pingResult(one run.Pinged) string {
	switch {
	case one.Err == nil:
		return "ok"
	case one.Login == "refused":
		return "login refused"
	case one.HostKey != "" && one.HostKey != "verified":
		return "host key " + one.HostKey
	case strings.HasPrefix(one.Reachable, "no: "):
		reason := strings.TrimPrefix(one.Reachable, "no: ")
		if one.Skipped {
			reason = "skipped: " + reason
		}
		return reason
	}
	return "failed"
}

// Lines returns the hosts for JSON, with errors without secrets.
func Lines(hosts []inventory.Host, pinged []run.Pinged, redact func(string) string) []Line {
	var lines []Line
	for i, h := range hosts {
		l := Line{Name: h.Name, Address: h.Address, Port: h.Port, User: h.User, Jump: h.Jump,
			Tags: h.Tags, Vars: h.Vars, Source: h.Source}
		if l.Tags == nil {
			l.Tags = []string{}
		}
		if h.Proxy != nil {
			l.Proxy = h.Proxy.Argv
		}
		if pinged != nil {
			ok := pinged[i].Err == nil
			if l.OK, l.Pinged = &ok, &pinged[i]; !ok {
				l.Error = redact(pinged[i].Err.Error())
			}
		}
		lines = append(lines, l)
	}
	return lines
}
