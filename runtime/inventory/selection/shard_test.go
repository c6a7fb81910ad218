package selection

import (
	"fmt"
	"slices"
	"testing"
)

// TestShards checks that the shards have each host once, and nearly as many hosts as each other.
func TestShards(t *testing.T) {
	for count := 1; count <= 4; count++ {
		var all []int
		for index := 1; index <= count; index++ {
			s, err := ParseShard(fmt.Sprintf("%d/%d", index, count))
			if err != nil {
				t.Fatal(err)
			}
			part, err := Options{Shard: s}.Choose(hosts)
			if err != nil || len(part) < len(hosts)/count || len(part) > len(hosts)/count+1 {
				t.Errorf("%d/%d: got %v, %v", index, count, part, err)
			}
			all = append(all, part...)
		}
		slices.Sort(all)
		if fmt.Sprint(all) != "[0 1 2 3]" {
			t.Errorf("%d shards have the hosts %v", count, all)
		}
	}
	part, err := Options{Only: []string{"tag:web", "db1"}, Shard: Shard{2, 2}}.Choose(hosts)
	if err != nil || fmt.Sprint(part) != "[1]" {
		t.Errorf("got %v, %v", part, err)
	}
	if _, err := (Options{Shard: Shard{5, 5}}).Choose(hosts); err == nil ||
		err.Error() != "--shard 5/5: no host is left of 4" {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "1", "0/2", "3/2", "1/2/3", "-1/2", "a/b", "1/99999999999"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q: got %v", text, s)
		}
	}
}
