package selection

import (
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/event"
)

// Shard is one of several parts of the hosts, whose sizes differ by one host at most. The zero
// value is all hosts. The jobs of a CI service that run all shards reach each host once.
type Shard struct {
	index, count int // the index counts from 1
}

// ParseShard parses "2/10", the second of ten parts.
func ParseShard(text string) (Shard, error) {
	first, second, ok := strings.Cut(text, "/")
	index, err := strconv.ParseUint(first, 10, 31)
	count, countErr := strconv.ParseUint(second, 10, 31)
	if !ok || err != nil || countErr != nil || index < 1 || index > count {
		return Shard{}, fmt.Errorf("want I/N, the part I of N, such as 1/10; got %q", text)
	}
	return Shard{int(index), int(count)}, nil
}

// take returns the shard's part of the chosen hosts: every count-th of them.
func (s Shard) take(chosen []int) ([]int, error) {
	if s.count == 0 {
		return chosen, nil
	}
	if s.index > len(chosen) {
		err := fmt.Errorf("--shard %d/%d: no host is left of %d", s.index, s.count, len(chosen))
		return nil, event.WithHint(err, "use at most as many shards as there are hosts")
	}
	var part []int
	for i := s.index - 1; i < len(chosen); i += s.count {
		part = append(part, chosen[i])
	}
	return part, nil
}
