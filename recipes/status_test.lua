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

-- half_back makes a host on which a run died after it had switched from r2 back to r1. It returns the root folder, too.
local function half_back()
  local host = lab.hosts(1)[1]
  planted.release(host, "r1")
  planted.release(host, "r2")
  local root = host.vars.root
  host.fs:symlink(root .. "/releases/r1", root .. "/current")
  return host, root
end

test("a switch that no run has noted", function()
  local web1, root = half_back()
  expect.contains(run("recipes/status.lua").stdout,
    "UNFINISHED: " .. web1.name .. ": current leads to r1, and what was last seen to serve is r2: a run died in between; " ..
    "runbook run recipes/rollback.lua --release r1 --only " .. web1.name .. " finishes the switch")
  web1:lock(root .. "/.runbook.lock")
  expect.contains(run("recipes/status.lua").stdout, "what was last seen to serve is r2: a run is at it, by ")
end)

test("a switch that is finished later", function()
  local web1 = half_back()
  local finished = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(finished, 0)
  expect.equal(finished.hosts[web1.name].previous, "r2")
  expect.equal(run("recipes/status.lua").stdout:find("UNFINISHED", 1, true), nil)
end)
