package inventory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// keepalives fills in how a peer that has gone without a word is noticed.
func (v values) keepalives(h *Host) error {
	if d, ok := v.first["serveraliveinterval"]; ok {
		text, err := d.one()
		if err != nil {
			return err
		}
		if h.AliveInterval, err = parseInterval(text); err != nil {
			return d.errorf("%w", err)
		}
		if h.AliveInterval == 0 {
			h.AliveInterval = -1
		}
	}
	if d, ok := v.first["serveralivecountmax"]; ok {
		text, err := d.one()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return d.errorf("want a number, got %q", text)
		}
		h.AliveCount = max(1, int(n)) // with 0, too, OpenSSH gives up no sooner than after one interval
	}
	return nil
}

// parseInterval reads a time as sshd_config(5) describes it under TIME FORMATS: numbers with or without a unit, in a row, whose
// sum counts; or none, which is 0.
func parseInterval(text string) (time.Duration, error) {
	if text == "none" {
		return 0, nil
	}
	wrong := fmt.Errorf("want a time such as 30 or 1m30s, got %q", text)
	units := map[string]uint64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
	sum := uint64(0)
	for rest := strings.ToLower(text); rest != "" || text == ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseUint(rest[:digits], 10, 31)
		if err != nil {
			return 0, wrong
		}
		unit := rest[digits:min(digits+1, len(rest))]
		rest = rest[digits+len(unit):]
		if units[unit] == 0 {
			return 0, wrong
		}
		if sum += n * units[unit]; sum > math.MaxInt32 {
			return 0, wrong
		}
	}
	return time.Duration(sum) * time.Second, nil
}
