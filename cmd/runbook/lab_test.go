package main

import (
	"testing"

	"runbook/runtime/lab"
)

// labOf makes a lab with a host a name, which is closed at the end of the test.
func labOf(t testing.TB, names ...string) (*lab.Lab, []*lab.Host) {
	t.Helper()
	l, err := lab.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	hosts := make([]*lab.Host, len(names))
	for i, name := range names {
		if hosts[i], err = l.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	return l, hosts
}
