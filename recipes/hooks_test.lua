-- Tests of the forms of before_switch and after_switch in app.lua.

lab.defaults() -- whatever app.lua says

local app = require("options").app
local releases = require "releases"
local rollout = require "rollout"

local release = releases.new({ root = "/srv/app" }, "release", { name = "r1", revision = ("a"):rep(40) })

-- call_hooks returns the calls of the functions on three hosts in order, and whether all succeeded.
-- bad is the call that fails.
local function call_hooks(before_switch, after_switch, bad)
  local hosts, calls = lab.hosts(3), {}
  local function note(what)
    return function(host, about)
      calls[#calls + 1] = what .. " " .. host.name
      expect.equal(about.dir, "/srv/app/releases/r1")
      expect.equal(about.action, "release")
      if calls[#calls] == bad then
        fail("it can't be done")
      end
    end
  end
  app.before_switch, app.after_switch = before_switch(note), after_switch and after_switch(note)
  local ok = pcall(function()
    each(hosts, function(host) rollout.before_switch_on(host, hosts[1], release) end)
    each(hosts, function(host) rollout.after_switch(host, release) end)
    rollout.after_switch_once(hosts[1], release)
  end)
  return table.concat(calls, ", "), ok
end

-- The forms of a function in app.lua.
local function plain(note) return note("all") end
local function once(note) return { once = note("once") } end
local function both(note) return { once = note("once"), each = note("each") } end

test("a function runs on every host", function()
  expect.equal(call_hooks(plain, plain), "all web1, all web2, all web3, all web1, all web2, all web3")
end)

test("once runs on the first host only", function()
  expect.equal(call_hooks(once, once), "once web1, once web1")
end)

test("once runs first before the switch, and last after it", function()
  expect.equal(call_hooks(both, both),
    "once web1, each web1, each web2, each web3, each web1, each web2, each web3, once web1")
end)

test("where once fails, nothing else runs", function()
  local calls, ok = call_hooks(both, both, "once web1")
  expect.equal(calls, "once web1")
  expect.equal(ok, false)
end)

test("where it fails on a host, no further host follows, and nothing after the switch", function()
  local calls, ok = call_hooks(plain, both, "all web2")
  expect.equal(calls, "all web1, all web2")
  expect.equal(ok, false)
end)
