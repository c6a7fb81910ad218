package run_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/run"
)

func TestAsk(t *testing.T) {
	asked := 0
	answers := func(texts ...string) run.Options {
		return run.Options{Prompt: func(context.Context, string, bool) (string, error) {
			asked++
			if asked > len(texts) {
				return "", errors.New("asked too often")
			}
			return texts[asked-1], nil
		}}
	}
	yes := answers("large")
	yes.Yes = true
	dry := answers("large")
	dry.DryRun = true
	for _, tt := range []struct {
		opts   run.Options
		args   string
		want   string // what ask returns, or a part of the error
		status int
		asked  int
	}{
		{answers(" large "), `{ choices = { "small", "large" } }`, "large", 0, 1},
		{answers("huge", "", "small"), `{ choices = { "small", "large" } }`, "small", 0, 3},
		{answers("a", "b", "c", "small"), `{ choices = { "small", "large" } }`,
			"no valid answer to: size?; want small, large", 3, 3},
		{answers(""), `{ default = "small", choices = { "small", "large" } }`, "small", 0, 1},
		{answers("any text"), `{}`, "any text", 0, 1},
		{answers("", "", ""), `{}`, "no valid answer to: size?; want a text", 3, 3},
		{yes, `{ default = "small" }`, "small", 0, 0},
		{yes, `{}`, "large", 0, 1},
		{dry, `{ default = "small" }`, "small", 0, 0},
		{dry, `{}`, "large", 0, 1},
		{run.Options{}, `{ default = "small" }`, "small", 0, 0},
		{run.Options{}, `{}`, "there is no terminal to ask on: size?", 3, 0},
		{run.Options{Yes: true}, `{}`, "there is no terminal to ask on: size?", 3, 0},
		{answers("large"), `{ default = "huge", choices = { "small", "large" } }`,
			`default "huge" is none of the choices: small, large`, 3, 0},
	} {
		asked = 0
		r := &recorder{}
		err := play(t.Context(), t, `recipe {} print("got " .. ask("size?", `+tt.args+`))`, tt.opts, r)
		if err == nil {
			err = errors.New(strings.Join(strings.Split(r.texts(event.Printed), "got "), ""))
			if tt.status == 0 && err.Error() == tt.want {
				err = nil
			}
		}
		if tt.status == 0 && err != nil || tt.status != 0 &&
			(run.Status(err) != tt.status || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
		if asked != tt.asked {
			t.Errorf("%s: asked %d times, want %d", tt.args, asked, tt.asked)
		}
	}
}

func TestParallel(t *testing.T) {
	r := &recorder{}
	err := play(t.Context(), t, `recipe {}
local n = 0
local function both(value) -- returns when the other one has begun, too
  return function()
    n = n + 1
    wait("both", { within = "20s", every = "1ms" }, function() return n == 2 end)
    return value
  end
end
local list = parallel({ both("a"), both({ 1 }) })
print(list[1], list[2][1], #parallel({}))
local polled, failed = false, false
local ok, err = pcall(parallel, {
  function() -- polls again long after the other one has failed
    wait("the failure", { within = "20s", every = "500ms" }, function() polled = true return failed end)
    print("ended")
    fail("second")
  end,
  function()
    wait("the first poll", { within = "20s", every = "1ms" }, function() return polled end)
    failed = true
    fail("first")
  end,
})
print(ok, err.message)
`, run.Options{}, r)
	if got := r.texts(event.Printed); got != "a\t1\t0, ended, false\tfirst" {
		t.Errorf("%q", got)
	}
	if got := r.texts(event.Warning); !strings.HasPrefix(got, "parallel: another function failed, too: ") ||
		!strings.HasSuffix(got, "fail: second") {
		t.Errorf("%q", got)
	}
	if err != nil {
		t.Error(err)
	}
	err = play(t.Context(), t, "recipe {} parallel({ 1 })", run.Options{}, r)
	if err == nil || !strings.Contains(err.Error(), "each a function, got a number") {
		t.Errorf("%v", err)
	}
}

// on_failure gets the error that caused it.
func TestOnFailureError(t *testing.T) {
	for source, want := range map[string]string{
		`fail("no room", "buy a disk")`:      "no room|buy a disk|",
		`localhost:run("echo oops; exit 3")`: "localhost: exited 3: echo oops; exit 3||oops",
		`error("a text")`:                    "a text||",
		`local t = nil; print(t.x)`:          "read a field of a non-table object(nil) with key 'x'",
	} {
		r := &recorder{}
		if err := play(t.Context(), t, `recipe {}
localhost:on_failure(function(host, err)
  print(host.name .. "|" .. err.message .. "|" .. err.hint .. "|" .. err.output)
end)
localhost:on_failure(function() print("without arguments") end)
`+source, run.Options{}, r); err == nil {
			t.Errorf("%s succeeded", source)
		}
		got := r.texts(event.Printed)
		if !strings.HasPrefix(got, "localhost without arguments, localhost localhost|"+want) {
			t.Errorf("%s: %q", source, got)
		}
	}
}

func TestWaitPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	for _, tt := range []struct {
		source string
		dryRun bool
		want   string
	}{
		{`localhost:wait_port(PORT)`, false, ""},
		{`parallel({ function() localhost:wait_port(PORT, { every = "1ms", within = "20s" }) end, ` +
			`function() localhost:wait_port(PORT, { address = "localhost" }) end })`, false, ""},
		{`localhost:wait_port(0)`, false, "port: want a number from 1 to 65535, got 0"},
		{`localhost:wait_port(PORT, { within = "30ms", every = "10ms" })`, false,
			"nothing listens on 127.0.0.1:PORT within 30ms"},
		{`localhost:wait_port(PORT)`, true, ""},
	} {
		if tt.want != "" || tt.dryRun {
			if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
		}
		fill := strings.NewReplacer("PORT", fmt.Sprint(port))
		err := play(t.Context(), t, "recipe {} "+fill.Replace(tt.source), run.Options{DryRun: tt.dryRun}, &recorder{})
		if tt.want == "" && err != nil || tt.want != "" &&
			(err == nil || !strings.Contains(err.Error(), fill.Replace(tt.want))) {
			t.Errorf("%s: %v, want %q", tt.source, err, tt.want)
		}
	}
}
