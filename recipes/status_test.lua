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

test("a switch that no run has noted", function()
  local web1 = lab.hosts(1)[1]
  planted.release(web1, "r1")
  planted.release(web1, "r2")
  expect.equal(run("recipes/status.lua").stdout:find("UNFINISHED", 1, true), nil)
  local root = web1.vars.root
  web1.fs:symlink(root .. "/releases/r1", root .. "/current")
  expect.contains(run("recipes/status.lua").stdout,
    "UNFINISHED: " .. web1.name .. ": current leads to r1, and what was last seen to serve is r2: a run died in between; " ..
    "runbook run recipes/rollback.lua --release r1 finishes the switch")

  local finished = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(finished, 0)
  expect.equal(finished.hosts[web1.name].previous, "r2")
  expect.equal(run("recipes/status.lua").stdout:find("UNFINISHED", 1, true), nil)
end)
