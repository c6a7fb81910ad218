package run_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

// Each row runs a recipe. With left, the machine has notes of an earlier run that died.
func TestOnChange(t *testing.T) {
	const follow = `localhost:on_change("app", function(host) print("reload") host:run("true") end) `
	for _, tt := range []struct {
		name   string
		left   bool // an earlier run died
		source string
		dryRun bool
		prints string
		notes  int // left on the machine
		err    string
	}{
		{"once at the end of the step", false, `step("s", function() ` + follow +
			`localhost:run("true") localhost:run("true") print("last") end) print("after")`,
			false, "last, reload, after", 0, ""},
		{"without a change", false, `step("s", function() ` + follow + `localhost.fs:mkdir("/tmp") print("last") end)`,
			false, "last", 0, ""},
		{"a change before it", false, `step("s", function() localhost:run("true") ` + follow + ` end)`, false, "", 0,
			""},
		{"noted before the change", false, `step("s", function() ` + follow +
			`print(localhost:run("ls $STATE/runbook/on_change/app | wc -l | tr -d ' \n'").stdout) end)`,
			false, "1, reload", 0, ""},
		{"an error after the change", false, `step("s", function() ` + follow +
			`localhost:run("true") fail("dies") end)`, false, "", 1, "dies"},
		{"left by an earlier run", true, `step("s", function() ` + follow + `print("last") end)`, false, "last, reload",
			0, ""},
		{"left by an earlier run, and an error", true, `step("s", function() ` + follow + `localhost:run("false") end)`,
			false, "", 2, "exited 1"},
		{"fn fails", true, `step("s", function() localhost:on_change("app", function() fail("no reload") end) ` +
			`localhost:run("true") end)`, false, "", 2, "no reload"},
		{"in a step of the step", false, `step("s", function() ` + follow +
			`step("t", function() localhost:run("true") end) print("last") end)`, false, "last, reload", 0, ""},
		{"the end of each", false, `each({ localhost }, function() ` + follow +
			`localhost:run("true") end) print("after")`, false, "reload, after", 0, ""},
		{"the end of the recipe", false, follow + `localhost:run("true") print("last")`, false, "last, reload", 0, ""},
		{"twice with the same key", false, follow + follow + `localhost:run("true")`, false, "reload", 0, ""},
		{"what follows is no change of the step around", false, `step("s", function() ` +
			`localhost:on_change("other", function() localhost:run("true") print("other") end) localhost:run("true")
localhost:on_change("app", function() print("reload") end) end)`, false, "other", 0, ""},
		{"a dry run", true, `step("s", function() ` + follow + `localhost:run("false") print("last") end)`, true,
			"last, reload", 1, ""},
		{"a dry run without a change", false, `step("s", function() ` + follow + `localhost:capture("true") end)`, true,
			"", 0, ""},
		{"an invalid key", false, `localhost:on_change("../x", function() end)`, false, "", 0,
			"key: want a name of at most 100 letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := t.TempDir()
			t.Setenv("XDG_STATE_HOME", state)
			folder := filepath.Join(state, "runbook/on_change/app")
			if tt.left {
				for name, text := range map[string]string{"ABCDEFGHIJ": "ada from desk since then\x1b[2J", "x; y": ""} {
					if err := os.MkdirAll(folder, 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(folder, name), []byte(text+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := &recorder{}
			err := play(t.Context(), t, "recipe {} "+strings.ReplaceAll(tt.source, "$STATE", state),
				run.Options{DryRun: tt.dryRun}, r)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			var prints []string
			for _, e := range r.events {
				if e.Kind == event.Printed {
					prints = append(prints, e.Text)
				}
			}
			if got := strings.Join(prints, ", "); got != tt.prints {
				t.Errorf("printed %q, want %q", got, tt.prints)
			}
			if said := r.texts(event.Info); tt.left != strings.Contains(said,
				"app is still to follow a change of an earlier run: ada from desk since then") {
				t.Errorf("said %q", said)
			}
			left, err := filepath.Glob(folder + "/??????????")
			if err != nil || len(left) != tt.notes {
				t.Errorf("left %q, %v; want %d", left, err, tt.notes)
			}
		})
	}
}
