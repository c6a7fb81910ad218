package run_test

import (
	"context"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/run"
)

// TestThreadsShareARun lets the threads of several hosts use what belongs to the whole run, at the same time, for the race
// detector to watch.
func TestThreadsShareARun(t *testing.T) {
	opts := threeHosts(t)
	for name, recipe := range map[string]string{
		"recipe": `recipe {}
each(hosts, { at_once = 3 }, function(host)
  for _ = 1, 300 do pcall(recipe, {}) end
end)`,
		"connect": `recipe {}
connect()
each(hosts, { at_once = 3 }, function(host)
  for _ = 1, 300 do connect() end
end)`,
		"the table": `local o = recipe { options = { n = { 1, "a number" } } }
each(hosts, { at_once = 3 }, function(host)
  for i = 1, 200 do
    for _, h in ipairs(hosts) do h:result({ n = i }) end
    resume({ n = i })
    local _ = o.n + #hosts[1].name
  end
end)`,
		"one host": `recipe {}
each({ hosts[1], hosts[1], hosts[1] }, { at_once = 3 }, function(host)
  for i = 1, 20 do
    step("step " .. i, function() host:run("true") end)
    host:defer(function() end)
    localhost:test("true")
    host.fs:exists("/")
  end
end)`,
		"each within each": `recipe {}
each(hosts, { at_once = 3 }, function()
  for _ = 1, 5 do each(hosts, { at_once = 3 }, function(host) host:test("true") end) end
end)`,
		// An error that is kept is raised again by all threads, at lines that it has not come from yet.
		"an error": "recipe {}\nlocal _, kept = pcall(function() localhost:capture('exit 1') end)\neach(hosts, { at_once = 3 }, function()\n" +
			strings.Repeat("pcall(step, 'outer', function()\nstep('inner', function() error(kept) end)\nend)\n", 60) + "end)",
		"coroutines": `recipe {}
each(hosts, { at_once = 3 }, function(host)
  for i = 1, 50 do
    local next_one = coroutine.wrap(function() for k = 1, 3 do host:test("true"); coroutine.yield(k) end end)
    next_one() next_one()
  end
end)`,
	} {
		t.Run(name, func(t *testing.T) {
			err := play(t.Context(), t, recipe, opts, &recorder{})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConnectInAConsole asks in a console, from the threads of the hosts that can be reached, which can't. There each call
// connects anew.
func TestConnectInAConsole(t *testing.T) {
	l, err := lab.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"web1", "web2", "web3"} {
		if _, err := l.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	hosts, err := inventory.Load(t.Context(), inventory.Options{Hosts: l.HostsFile(), SSHConfig: "none"}, "")
	if err != nil {
		t.Fatal(err)
	}
	hosts[0].Port = 1 // nobody listens there
	const recipe = `local up = {}
for _, host in ipairs(hosts) do
  if host.name ~= "web1" then up[#up + 1] = host end
end
each(up, { at_once = 2 }, function(host)
  for _ = 1, 50 do
    local away = connect()
    if #away ~= 1 or away[1].host ~= "web1" then fail("not web1 alone") end
  end
  host:test("true")
end)`
	c, err := run.NewConsole(t.Context(), run.ConsoleOptions{Hosts: hosts, Sink: &recorder{}, Secrets: event.NewStream()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Run(t.Context(), context.Background(), recipe); run.Status(err) != run.StatusFailed || err.Error() != "a host failed, and the recipe went on" {
		t.Errorf("status %d: %v", run.Status(err), err)
	}
	if err := c.Close(err); err != nil {
		t.Error(err)
	}
}
