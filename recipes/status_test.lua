-- What status.lua shows, tried on throwaway hosts: `runbook test recipes` runs this.

local planted = require "planted"

test("the same everywhere, then a host that differs", function()
  local web1, web2 = unpack(lab.hosts(2))
  planted.release(web1, "r1")
  planted.release(web2, "r1")
  local same = run("recipes/status.lua")
  expect.status(same, 0)
  expect.contains(same.stdout, "current")
  expect.equal(same.stdout:find("DRIFT", 1, true), nil)

  planted.release(web2, "r2")
  local differs = run("recipes/status.lua")
  expect.status(differs, 0)
  expect.contains(differs.stdout, "DRIFT: the hosts do not have the same release current")
end)
