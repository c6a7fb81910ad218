package ssh

import (
	"math"
	"time"
)

// pulse is how each side of a connection learns that the other is still there.
type pulse struct {
	every  time.Duration // between two signs of life; not above 0 when there are none
	misses int           // for how many of these times there may be no answer
}

// pulse is what ssh_config says, or else 45 seconds in questions every 15.
func (h *Host) pulse() pulse {
	p := pulse{every: h.pool.opts.KeepAlive, misses: 3}
	if h.target.AliveInterval != 0 {
		p.every = h.target.AliveInterval
	}
	if h.target.AliveCount != 0 {
		p.misses = h.target.AliveCount
	}
	return p
}

// patience is how long this side waits for an answer.
func (p pulse) patience() time.Duration { return time.Duration(p.misses) * p.every }

// silence is how many seconds a keeper on the host waits for a sign of life; 0 is for ever. This side gives a silent connection
// up before that, so that no two runs work at the same time.
func (p pulse) silence() int64 {
	if p.every <= 0 {
		return 0
	}
	return max(5, int64(math.Ceil((p.patience() + 2*p.every).Seconds())))
}
