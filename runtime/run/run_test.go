package run_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder records the events of a run.
type recorder struct {
	mu      sync.Mutex
	events  []event.Event
	onEvent func(event.Event) // called with each event, unless it is nil
}

func (r *recorder) Event(e event.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	if r.onEvent != nil {
		r.onEvent(e)
	}
}

func (r *recorder) Close() error { return nil }

// texts joins the texts of the events of one kind, each with its host.
func (r *recorder) texts(kind event.Kind) string {
	var out []string
	for _, e := range r.events {
		if e.Kind == kind {
			out = append(out, strings.TrimSpace(e.Host+" "+e.Text+e.State))
		}
	}
	return strings.Join(out, ", ")
}

// luaAPI returns what recipes can use.
func luaAPI(t testing.TB) recipe.API {
	t.Helper()
	api, err := run.NewAPI(run.Extension{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// play writes a recipe to a file and runs it.
func play(ctx context.Context, t *testing.T, source string, opts run.Options, r *recorder) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.lua")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return playFile(ctx, t, path, opts, r)
}

func playFile(ctx context.Context, t *testing.T, path string, opts run.Options, r *recorder) error {
	t.Helper()
	loaded, err := recipe.Load(ctx, luaAPI(t), event.NewStream(), path, nil)
	if err != nil {
		return run.Usage(err)
	}
	plan, err := run.Prepare(ctx, loaded, opts)
	if err != nil {
		return err
	}
	return plan.Run(ctx, event.NewStream(r))
}

// threeHosts starts throwaway hosts for a test.
func threeHosts(t *testing.T) run.Options {
	t.Helper()
	l, err := lab.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"web1", "web2", "web3"} {
		if _, err := l.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	return run.Options{Inventory: inventory.Options{Hosts: []string{l.HostsFile()}, SSHConfig: "none"}}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		name, recipe string
		status       int
		err          string
	}{
		{"empty file", ``, 0, ""},
		{"empty recipe", `recipe {}`, 0, ""},
		{"without recipe{}", `localhost:run("true")`, 0, ""},
		{"syntax", `recipe {`, 2, "recipe.lua:1"},
		{"undeclared", "recipe {}\nprint(foo)", 2, "recipe.lua:2"},
		{"raised", "recipe {}\nerror('boom')", 2, "boom"},
		{"raised after a change", "recipe {}\nlocalhost:run('true')\nerror('boom')", 1, "boom"},
		{"refused before any contact", "recipe {}\nfail('not ready')", 2, "not ready"},
		{"refused", "recipe {}\nlocalhost:test('true')\nfail('not ready')", 3, "not ready"},
		{"failed before a change", "recipe {}\nlocalhost:capture('exit 1')", 3, ""},
		{"failed", "recipe {}\nlocalhost:run('exit 1')", 1, ""},
		{"refused after a change", "recipe {}\nlocalhost:run('true')\nfail('too late')", 1, "too late"},
		{"caught", "recipe {}\npcall(function() localhost:run('exit 1') end)", 0, ""},
		{"caught on a host", "recipe {}\npcall(each, { localhost }, function(h) h:run('exit 1') end)", 1, "continued"},
		{"twice", "recipe {}\nrecipe {}", 2, "must be called once"},
		{"too late", "localhost:run('true')\nrecipe {}", 1, "before anything"},
		{"failing defer", "recipe {}\neach({ localhost }, function(h) h:defer(function() h:run('exit 1') end) end)", 1,
			""},
		{"too slow hook", "recipe {}\neach({ localhost }, function(h) h:defer({ timeout = '10ms' }, " +
			"function() h:run('sleep 60') end) end)", 1, "longer than its limit"},
		{"bad option", "recipe { options = { n = { 1, 'n', max = 0 } } }", 2, "option n: default: want at most 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := play(t.Context(), t, tt.recipe, run.Options{}, &recorder{})
			if got := run.Status(err); got != tt.status {
				t.Errorf("exit status %d, want %d (%v)", got, tt.status, err)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestEachAtOnce(t *testing.T) {
	opts := threeHosts(t)
	// Each host waits for the others, which succeeds only if all three run at the same time.
	dir := t.TempDir()
	r := &recorder{}
	recipe := `recipe {}
each(hosts, { at_once = 3 }, function(host)
  host:run("touch ` + dir + `/" .. host.name .. "; until [ $(ls ` + dir + ` | wc -l) = 3 ]; do sleep 0.01; done",
    { timeout = "30s" })
  print("met")
end)`
	if err := play(t.Context(), t, recipe, opts, r); err != nil {
		t.Fatal(err)
	}
	if got := r.texts(event.Printed); strings.Count(got, "met") != 3 {
		t.Errorf("printed %s", got)
	}
	if got := r.texts(event.Result); got != "web1 done, web2 done, web3 done" {
		t.Errorf("states: %s", got)
	}
}

func TestFailureStopsEach(t *testing.T) {
	r := &recorder{}
	recipe := `recipe {}
each(hosts, function(host)
  host:on_failure(function() print("undo") end)
  host:run("exit " .. (host.name == "web2" and 1 or 0))
end)`
	err := play(t.Context(), t, recipe, threeHosts(t), r)
	if run.Status(err) != run.StatusFailed {
		t.Errorf("got %v", err)
	}
	if got := r.texts(event.HostBegun); got != "web1, web2" {
		t.Errorf("begun: %s", got)
	}
	if got := r.texts(event.Printed); got != "web2 undo" {
		t.Errorf("printed: %s", got)
	}
	if got := r.texts(event.Result); got != "web1 done, web2 failed, web3 not touched" {
		t.Errorf("states: %s", got)
	}
	faults := run.Faults(err)
	if len(faults) != 1 || faults[0].Host != "web2" || faults[0].Code == nil || *faults[0].Code != 1 ||
		!strings.HasSuffix(faults[0].Line, "recipe.lua:4") {
		t.Errorf("faults: %+v", faults)
	}
}

// interruptAt returns a context that is interrupted when a command with text in it begins.
func interruptAt(t *testing.T, text string) (context.Context, *recorder) {
	ctx, interrupt := context.WithCancelCause(t.Context())
	t.Cleanup(func() { interrupt(nil) })
	return ctx, &recorder{onEvent: func(e event.Event) {
		if e.Kind == event.CommandBegun && strings.Contains(e.Text, text) {
			interrupt(run.ErrInterrupted)
		}
	}}
}

func TestInterrupt(t *testing.T) {
	ctx, r := interruptAt(t, "sleep 600")
	recipe := `recipe {}
localhost:defer(function() print("last") end)
each(hosts, function(host)
  host:defer(function() host:run("true"); print("cleaned") end)
  host:on_failure(function() host:run("true"); print("undone") end)
  step("outer", function() step("inner", function() pcall(function() host:run("sleep 600") end) end) end)
  print("never")
end)`
	err := play(ctx, t, recipe, threeHosts(t), r)
	if run.Status(err) != run.StatusInterrupted {
		t.Errorf("got %v", err)
	}
	faults := run.Faults(err)
	if len(faults) != 1 || faults[0].Host != "web1" || strings.Join(faults[0].Step, ": ") != "outer: inner" ||
		!strings.HasSuffix(faults[0].Line, "recipe.lua:6") {
		t.Errorf("faults: %+v", faults)
	}
	if got := r.texts(event.Printed); got != "web1 undone, web1 cleaned, localhost last" {
		t.Errorf("printed: %s", got)
	}
	if got := r.texts(event.Result); got != "web1 interrupted, web2 not touched, web3 not touched" {
		t.Errorf("states: %s", got)
	}
}

func TestFailingHookAfterInterrupt(t *testing.T) {
	ctx, r := interruptAt(t, "sleep 600")
	recipe := `recipe {}
each({ localhost }, function(host)
  host:on_failure(function() host:run("exit 9") end)
  host:run("sleep 600")
end)`
	err := play(ctx, t, recipe, run.Options{}, r)
	if run.Status(err) != run.StatusInterrupted {
		t.Errorf("got %v", err)
	}
	faults := run.Faults(err)
	if len(faults) != 2 || faults[0].Message != "interrupted" || faults[1].Code == nil || *faults[1].Code != 9 {
		t.Errorf("faults: %+v", faults)
	}
}

func TestSecondInterruptSkipsHooks(t *testing.T) {
	ctx, interrupt := context.WithCancelCause(t.Context())
	defer interrupt(nil)
	hooks, again := context.WithCancelCause(t.Context())
	defer again(nil)
	r := &recorder{onEvent: func(e event.Event) {
		switch {
		case e.Kind == event.CommandBegun && strings.Contains(e.Text, "sleep 600"):
			interrupt(run.ErrInterrupted)
		case e.Kind == event.CommandBegun && strings.Contains(e.Text, "sleep 601"):
			again(run.ErrInterrupted)
		}
	}}
	recipe := `recipe {}
each({ localhost }, function(host)
  host:defer(function() print("never") end)
  host:on_failure(function() host:run("sleep 601"); print("never") end)
  host:run("sleep 600")
end)`
	err := play(ctx, t, recipe, run.Options{Hooks: hooks}, r)
	if run.Status(err) != run.StatusInterrupted {
		t.Errorf("got %v", err)
	}
	if got := r.texts(event.Printed); got != "" {
		t.Errorf("printed: %s", got)
	}
	if got := r.texts(event.Skipped); !strings.Contains(got, "defer of") || !strings.Contains(got, "recipe.lua:3") {
		t.Errorf("skipped: %s", got)
	}
}

func TestDescribeContactsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recipe.lua")
	marker := filepath.Join(t.TempDir(), "ran")
	for _, source := range []string{
		"localhost:run('touch " + marker + "')\nrecipe { summary = 'never seen' }",
		"pcall(recipe, { summary = 's', options = { a = { 1, 'a' } } })\nlocalhost:run('touch " + marker + "')",
		"print('x')\nstep('t', function() localhost:run('touch " + marker + "') end)",
	} {
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := recipe.Describe(t.Context(), luaAPI(t), event.NewStream(), path, nil); err != nil {
			t.Errorf("%s: %v", source, err)
		}
		if _, err := os.Stat(marker); err == nil {
			t.Fatalf("describing ran a command: %s", source)
		}
	}
}

func TestConfirm(t *testing.T) {
	answer := func(text string) run.Options {
		return run.Options{Prompt: func(context.Context, string, bool) (string, error) { return text, nil }}
	}
	for _, tt := range []struct {
		opts   run.Options
		status int
	}{
		{answer("y"), 0}, {answer(" YES "), 0}, {answer(""), 3}, {answer("no"), 3}, {run.Options{}, 3},
		{run.Options{Yes: true}, 0}, {run.Options{DryRun: true}, 0},
	} {
		err := play(t.Context(), t, `recipe {} confirm("sure?") print("on")`, tt.opts, &recorder{})
		if run.Status(err) != tt.status {
			t.Errorf("%+v: got %v", tt.opts, err)
		}
	}
}

func TestPromptedSecretIsRedacted(t *testing.T) {
	r := &recorder{}
	opts := run.Options{Prompt: func(_ context.Context, question string, secret bool) (string, error) {
		if !secret || question != "password: " {
			t.Errorf("asked %q, secret %v", question, secret)
		}
		return "hunter22", nil
	}}
	if err := play(t.Context(), t, `recipe {} print("it is " .. secret.prompt("password"))`, opts, r); err != nil {
		t.Fatal(err)
	}
	if got := r.texts(event.Printed); got != "it is [secret]" {
		t.Errorf("printed %s", got)
	}
}

// A state has the tone that the recipe gives it, and the first event names the columns that come
// first.
func TestToneAndOrder(t *testing.T) {
	r := &recorder{}
	err := play(t.Context(), t, `recipe { columns = { "release", "revision" } }
each(hosts, function(host)
  host:result({ release = "r1", other = 1, state = "released" }, { tone = "good" })
  local ok, e = pcall(host.result, host, { release = "r2" }, { tone = "bad" })
  if ok or not e.message:find("tone is for a state", 1, true) then fail("a tone without a state: " .. tostring(e)) end
  if host.name == "web2" then host:result({ state = "gone" }) end
end)`, threeHosts(t), r)
	if err != nil {
		t.Fatal(err)
	}
	tones := map[string]string{}
	for _, e := range r.events {
		switch e.Kind {
		case event.RunBegun:
			if !slices.Equal(e.Order, []string{"release", "revision"}) {
				t.Errorf("order %q", e.Order)
			}
		case event.Result:
			tones[e.Host] = e.State + " " + e.Tone
		case event.RunEnded:
			if !reflect.DeepEqual(e.Args, map[string]any{"release": "r1"}) {
				t.Errorf("the run was about %v", e.Args)
			}
		}
	}
	if tones["web1"] != "released good" || tones["web2"] != "gone " {
		t.Errorf("states and tones: %q", tones)
	}
}
