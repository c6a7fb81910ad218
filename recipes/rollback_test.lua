-- What rollback.lua promises, tried on throwaway hosts: `runbook test recipes` runs this. The releases that it goes
-- back to are only planted, which takes no time.

lab.defaults() -- whatever app.lua says

local planted = require "planted"

local hosts = lab.hosts(2)
for _, host in ipairs(hosts) do
  planted.release(host, "r1")
  planted.release(host, "r2")
end

-- expect_current says that all hosts have this release.
local function expect_current(name)
  for _, host in ipairs(hosts) do
    expect.link(host, "current", name:sub(1, 1) == "/" and name or "releases/" .. name)
  end
end

test("back to the release before, and forth again by its name", function()
  local back = run("recipes/rollback.lua", { restart = "none", health = "" })
  expect.status(back, 0)
  expect.equal(back.hosts.web2.state, "rolled back")
  expect.equal(back.hosts.web2.previous, "r2")
  expect_current("r1")
  expect.log(hosts[1], { action = "rollback", release = "r1", from = "r2" })
  expect.file(hosts[1], "releases/r2") -- nothing is removed

  expect.status(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" }), 0)
  expect_current("r2")
end)

test("refused everywhere when one host can't go back", function()
  hosts[2].fs:remove(hosts[2].vars.root .. "/releases/r1/.runbook.json")
  local refused = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(refused, 3)
  expect.contains(refused.error, "web2")
  expect.contains(refused.error, "release r1 is incomplete")
  expect_current("r2")
end)

test("refused when a release could not be served", function()
  hosts[2].fs:write(hosts[2].vars.root .. "/releases/r1/.runbook.json", hosts[1].fs:read(hosts[1].vars.root .. "/releases/r1/.runbook.json"))
  hosts[2].fs:remove(hosts[2].vars.root .. "/releases/r1/venv/bin/python")
  for _, release in ipairs({ "r1", "" }) do
    local refused = run("recipes/rollback.lua", { release = release, restart = "none", health = "" })
    expect.status(refused, 3)
    expect.contains(refused.error, "release r1 cannot be served: its interpreter is missing: " .. hosts[2].vars.root ..
      "/releases/r1/venv/bin/python points to nothing")
    expect_current("r2")
  end
  hosts[2].fs:write(hosts[2].vars.root .. "/releases/r1/venv/bin/python", "#!/bin/sh\n", { mode = "0755" })
end)

test("a release that one host went back from counts as failed on all", function()
  local unhealthy = { restart = "none", health = "/", port = 1, health_within = "0.1s" }
  unhealthy.release = "r1"
  local failed = run("recipes/rollback.lua", unhealthy)
  expect.status(failed, 1)
  expect.equal(failed.hosts.web2.state, "not touched")
  expect_current("r2")
  for _, host in ipairs(hosts) do
    expect.log(host, { action = "restore", release = "r2", from = "r1" })
  end
  local _, count = run("recipes/status.lua", { restart = "none" }).stdout:match("\nr1 [^\n]*"):gsub("failed", "")
  expect.equal(count, 2)
  -- It is noted once, and until the release serves.
  expect.status(run("recipes/rollback.lua", unhealthy), 1)
  _, count = hosts[2].fs:read(hosts[2].vars.root .. "/releases.log"):gsub('"restore"', "")
  expect.equal(count, 1)
  expect.status(run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" }), 0)
  expect.status(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" }), 0)
  _, count = run("recipes/status.lua", { restart = "none" }).stdout:match("\nr1 [^\n]*"):gsub("ok", "")
  expect.equal(count, 2)
end)

test("a host that cannot note that a release failed is warned about", function()
  local log = hosts[2].vars.root .. "/releases.log"
  hosts[2].fs:rename(log, log .. ".away")
  hosts[2].fs:mkdir(log)
  local failed = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "/", port = 1, health_within = "0.1s" })
  expect.status(failed, 1)
  expect.contains(failed.error, "web1")
  expect.event(failed, { kind = "warning", host = "web2", text = "it is not on record that r1 failed" })
  hosts[2].fs:remove(log)
  hosts[2].fs:rename(log .. ".away", log)
end)

test("to a release of another tool, by its path and by default", function()
  for i, host in ipairs(hosts) do
    local root = host.vars.root
    local old = root .. "/old/2025010" .. i
    host.fs:mkdir(old)
    host.fs:symlink(old, root .. "/current")
    planted.release(host, "r3")
  end
  local function old(i)
    return hosts[i].vars.root .. "/old/2025010" .. i
  end
  local plain = { restart = "none", health = "" }
  expect.status(run("recipes/rollback.lua", plain), 0)
  for i, host in ipairs(hosts) do
    expect.link(host, "current", old(i))
    expect.log(host, { action = "rollback", release = old(i), from = "r3" })
  end
  expect.status(run("recipes/rollback.lua", plain), 0)
  expect_current("r3")

  local elsewhere = run("recipes/rollback.lua", { release = hosts[1].vars.root .. "/old", restart = "none", health = "" })
  expect.status(elsewhere, 3)
  expect.contains(elsewhere.error, "/old is not in ")
end)
