package check_test

import (
	"context"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/check"
	"runbook/runtime/script/internal/scripttest"
)

func TestComplete(t *testing.T) {
	state, err := scripttest.Library(t).NewState(event.NewStream(), script.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	if err := state.SetGlobal("hosts", []*scripttest.Host{{Name: "web1"}, {Name: "web2"}}); err != nil {
		t.Fatal(err)
	}
	x := state.NewSession("typed", t.TempDir())
	if _, err := x.Run(context.Background(), "mine = { first = hosts[1], flat = 1, fn = print }"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"ho":                                "hosts",
		"hosts[1]:":                         "run script wait",
		"hosts[1].":                         "fs name",
		"x = hosts[1].fs:r":                 "read",
		"hosts[1].fs.":                      "",
		"hosts[9]:":                         "",
		"each(hosts, function(host) host:":  "run script wait",
		"mi":                                "mine",
		"mine.f":                            "first flat fn",
		"mine:f":                            "fn",
		"mine.first:r":                      "run",
		"log.":                              "info",
		"math.flo":                          "floor",
		"hosts[1]:run({ ho":                 "hosts",
		"hosts[1]:run('ls', { ":             "check =  cwd =  mode =  timeout = ",
		"hosts[1]:run('ls', { cwd = '/', m": "mode = ",
		"hosts[1]:run({ 'ls', '/' },\n{ t":  "timeout = ",
		"hosts[1]:run('ls', { cwd = ho":     "hosts",
		"each(hosts, {":                     "at_once = ",
		"'ho":                               "",
		"-- ho":                             "",
		"1":                                 "",
		"f().":                              "",
		"nosuch.":                           "",
	} {
		_, names := check.NewCompleter(x).Complete(text)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
