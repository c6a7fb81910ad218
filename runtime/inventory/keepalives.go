package inventory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/inventory/sshconfig"
)

// setKeepalives sets how an unresponsive peer is detected.
func setKeepalives(v sshconfig.Values, h *Host) error {
	if d, ok := v.First("serveraliveinterval"); ok {
		text, err := d.One()
		if err != nil {
			return err
		}
		if h.AliveInterval, err = parseInterval(text); err != nil {
			return d.Errorf("%w", err)
		}
		if h.AliveInterval == 0 {
			h.AliveInterval = -1
		}
	}
	if d, ok := v.First("serveralivecountmax"); ok {
		text, err := d.One()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return d.Errorf("want a number, got %q", text)
		}
		h.AliveCount = max(1, int(n)) // even with 0 OpenSSH waits for one interval
	}
	return nil
}

// parseInterval parses a time as in TIME FORMATS of sshd_config(5): a sequence of numbers with or
// without a unit, which are added up; or "none", which is 0.
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
