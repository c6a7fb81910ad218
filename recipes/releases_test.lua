-- What lib/releases.lua knows of a host and removes, tried on throwaway hosts: `runbook test recipes` runs this.

lab.defaults() -- whatever app.lua says

local history = require "history"
local layout = require "layout"
local planted = require "planted"
local releases = require "releases"

-- leave_foreign makes current point to a release of another tool. It returns its path.
local function leave_foreign(host, name)
  local old = host.vars.root .. "/" .. name
  planted.release(host, "r1")
  host.fs:remove(host.vars.root .. "/releases.log")
  host.fs:mkdir(old)
  host.fs:symlink(old, host.vars.root .. "/current")
  return old
end

test("a switch that fails goes back to a release of another tool, also after a run that died", function()
  local host = lab.hosts(1)[1]
  local old = leave_foreign(host, "old")
  local unhealthy = { release = "r1", restart = "none", health = "/", port = 1, health_within = "0.1s" }
  expect.status(run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" }), 0)
  -- As a run leaves it that dies after the switch: the log has no more than what was noted before.
  local log = host.vars.root .. "/releases.log"
  host.fs:write(log, (host.fs:read(log):gsub("[^\n]*\n$", "")))
  expect.contains(run("recipes/status.lua").stdout, "UNFINISHED: " .. host.name .. ": current leads to r1, and what was last seen to serve is " .. old)
  expect.status(run("recipes/rollback.lua", unhealthy), 1)
  expect.link(host, "current", old)
  expect.log(host, { action = "restore", release = old, from = "r1" })
end)

test("prune leaves a release of another tool alone", function()
  for i, host in ipairs(lab.hosts(2)) do
    local old = leave_foreign(host, ({ "old", "releases/20250101/app" })[i])
    history.append(host, layout.of({ root = host.vars.root }), { action = "restore", release = old })
    planted.release(host, "r2")
    planted.release(host, "r3")
    host:run({ "find", host.vars.root .. "/releases", "-name", "20250101", "-exec", "touch", "-d", "3 days ago", "{}", ";" })
    releases.prune(host, layout.of({ root = host.vars.root }), 1, "r3", "r2")
    expect.file(host, old)
    expect.absent(host, "releases/r1")
    expect.file(host, "releases/r3")
  end
end)

test("prune removes a release without an interpreter before one that can be served", function()
  local host = lab.hosts(1)[1]
  for _, name in ipairs({ "r1", "r2", "r3", "r4" }) do
    planted.release(host, name)
  end
  host.fs:remove(host.vars.root .. "/releases/r3/venv/bin/python")
  releases.prune(host, layout.of({ root = host.vars.root }), 3, "r4", "r2")
  expect.absent(host, "releases/r3")
  expect.file(host, "releases/r1")
end)

test("prune removes a release that failed before one that served", function()
  local host = lab.hosts(1)[1]
  for _, name in ipairs({ "r1", "r2", "r3", "r4" }) do
    planted.release(host, name)
  end
  local paths = layout.of({ root = host.vars.root })
  history.append(host, paths, { action = "restore", release = "r4", from = "r3" })
  releases.prune(host, paths, 3, "r4", "r2")
  expect.absent(host, "releases/r3")
  expect.file(host, "releases/r1")
end)
