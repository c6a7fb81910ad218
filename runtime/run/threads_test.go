package run_test

import (
	"strings"
	"testing"
)

// TestConcurrentThreads lets the threads of several hosts use the state of the run at the same
// time, for the race detector.
func TestConcurrentThreads(t *testing.T) {
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
		"once": `recipe {}
local made, failed = 0, 0
each(hosts, { at_once = 3 }, function(host)
  for i = 1, 20 do
    local got = once("key " .. i, function()
      host:test("true")
      made = made + 1
      return { number = i }
    end)
    assert(got.number == i)
    local ok, err = pcall(once, "bad " .. i, function()
      host:test("true")
      failed = failed + 1
      fail("no")
    end)
    assert(not ok and err.message == "no", err)
  end
end)
assert(made == 20 and failed == 20, made)`,
		// All threads raise the same error again, at new lines.
		"an error": "recipe {}\nlocal _, kept = pcall(function() localhost:capture('exit 1') end)\n" +
			"each(hosts, { at_once = 3 }, function()\n" +
			strings.Repeat("pcall(step, 'outer', function()\nstep('inner', function() error(kept) end)\nend)\n", 60) +
			"end)",
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
