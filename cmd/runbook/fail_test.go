package main

import (
	"fmt"
	"strings"
	"testing"

	"runbook/runtime/run"
)

// Many hosts that failed alike are told in one go, few and those that failed otherwise each for itself.
func TestAlike(t *testing.T) {
	code := 1
	failures := func(n int, tail string) []run.Fault {
		var out []run.Fault
		for i := range n {
			out = append(out, run.Fault{Host: fmt.Sprintf("%s%d", tail, i), Step: []string{"build"}, Message: "the command failed", Command: "make", Code: &code, Tail: tail})
		}
		return out
	}
	var hosts []string
	for _, f := range (words{}).alike(append(append(failures(5, "web"), failures(2, "db")...), run.Fault{Message: "and more"})) {
		hosts = append(hosts, f.Host)
	}
	if got, want := strings.Join(hosts, "; "), "web0, web1, web2, web3, web4; db0; db1; "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
