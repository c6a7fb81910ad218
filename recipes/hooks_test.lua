-- The forms of before_switch and after_switch in app.lua, tried on throwaway hosts: `runbook test recipes` runs this.

lab.defaults() -- whatever app.lua says

local app = require("options").app
local hooks = require "hooks"

local release = { name = "r1", revision = ("a"):rep(40) }
local options = { root = "/srv/app" }

-- called returns what hooks call on three hosts, in its order, and whether it went well. bad names a call that is to fail.
local function called(before_switch, after_switch, bad)
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
    hooks.before(hosts, options, release)
    each(hosts, function(host) hooks.after_each(host, hooks.about(options, release, "release")) end)
    hooks.after(hosts, options, release, "release", 0)
  end)
  return table.concat(calls, ", "), ok
end

-- The forms that a hook may have.
local function plain(note) return note("all") end
local function once(note) return { once = note("once") } end
local function both(note) return { once = note("once"), each = note("each") } end

test("a function is called on every host", function()
  expect.equal(called(plain, plain), "all web1, all web2, all web3, all web1, all web2, all web3")
end)

test("once is called on the first host alone", function()
  expect.equal(called(once, once), "once web1, once web1")
end)

test("once comes first before the switch, and last after it", function()
  expect.equal(called(both, both),
    "once web1, each web1, each web2, each web3, each web1, each web2, each web3, once web1")
end)

test("where once fails nothing else is called", function()
  local calls, ok = called(both, both, "once web1")
  expect.equal(calls, "once web1")
  expect.equal(ok, false)
end)

test("where a host's fails no further host is asked, and nothing after the switch", function()
  local calls, ok = called(plain, both, "all web2")
  expect.equal(calls, "all web1, all web2")
  expect.equal(ok, false)
end)
