-- Tests of lib/releases.lua on throwaway hosts: what it finds on a host, and what it deletes.

lab.defaults() -- whatever app.lua says

local planted = require "planted_test"
local releases = require "releases"

local history = releases.history

-- leave_foreign makes current point to a release of another tool. It returns its path.
local function leave_foreign(host, name)
  local old = host.vars.root .. "/" .. name
  planted.release(host, "r1")
  host.fs:remove(host.vars.root .. "/releases.log")
  host.fs:mkdir(old)
  host.fs:symlink(old, host.vars.root .. "/current")
  return old
end

test("a failed switch goes back to a release of another tool, also after a killed run", function()
  local host = lab.hosts(1)[1]
  local old = leave_foreign(host, "old")
  local unhealthy = { release = "r1", restart = "none", health = "/", port = 1, health_within = "0.1s" }
  expect.status(run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" }), 0)
  -- Imitate a run that was killed after the switch: the log has no entry for the switch.
  local log = host.vars.root .. "/releases.log"
  host.fs:write(log, (host.fs:read(log):gsub("[^\n]*\n$", "")))
  expect.contains(run("recipes/status.lua").stdout, "UNFINISHED: " .. host.name ..
    ": current points to r1, and the last release that worked is " .. old)
  expect.status(run("recipes/rollback.lua", unhealthy), 1)
  expect.link(host, "current", old)
  expect.log(host, { action = "restore", release = old, from = "r1" })
end)

test("prune leaves a release of another tool alone", function()
  for i, host in ipairs(lab.hosts(2)) do
    local old = leave_foreign(host, ({ "old", "releases/20250101/app" })[i])
    history.append(host, releases.paths({ root = host.vars.root }), { action = "restore", release = old })
    planted.release(host, "r2")
    planted.release(host, "r3")
    host:run({ "find", host.vars.root .. "/releases", "-name", "20250101",
      "-exec", "touch", "-d", "3 days ago", "{}", ";" })
    releases.prune(host, releases.paths({ root = host.vars.root }), 1, "r3", "r2")
    expect.file(host, old)
    expect.absent(host, "releases/r1")
    expect.file(host, "releases/r3")
  end
end)

test("current may name a release by its real path below a root that is a link", function()
  local host = unpack(lab.hosts(1))
  local real = host.vars.root .. ".real"
  host.fs:rename(host.vars.root, real)
  host.fs:symlink(real, host.vars.root)
  for _, name in ipairs({ "r1", "r2", "r3" }) do
    planted.release(host, name)
  end
  local function link() host.fs:symlink(real .. "/releases/r2", host.vars.root .. "/current") end
  link()
  local paths = releases.paths({ root = host.vars.root })
  expect.equal(releases.look(host, paths).name, "r2")
  expect.equal(releases.current(host, paths), paths.releases .. "/r2")
  expect.status(run("recipes/rollback.lua", { restart = "none", health = "" }), 0)
  expect.link(host, "current", "releases/r1") -- the log has it before r2
  link()
  releases.prune(host, paths, 1, "r3", "r3")
  expect.file(host, "releases/r2/.runbook.json")
  expect.absent(host, "releases/r1")
end)

test("prune removes a release without an interpreter before one that can be served", function()
  local host = lab.hosts(1)[1]
  for _, name in ipairs({ "r1", "r2", "r3", "r4" }) do
    planted.release(host, name)
  end
  host.fs:remove(host.vars.root .. "/releases/r3/venv/bin/python")
  releases.prune(host, releases.paths({ root = host.vars.root }), 3, "r4", "r2")
  expect.absent(host, "releases/r3")
  expect.file(host, "releases/r1")
end)

test("prune removes a release that failed before one that served", function()
  local host = lab.hosts(1)[1]
  for _, name in ipairs({ "r1", "r2", "r3", "r4" }) do
    planted.release(host, name)
  end
  local paths = releases.paths({ root = host.vars.root })
  history.append(host, paths, { action = "restore", release = "r4", from = "r3" })
  releases.prune(host, paths, 3, "r4", "r2")
  expect.absent(host, "releases/r3")
  expect.file(host, "releases/r1")
end)

test("a marker counts only where it matches the folder", function()
  local host = lab.hosts(1)[1]
  local paths = releases.paths({ root = host.vars.root })
  local revision = planted.release(host, "r1")
  planted.release(host, "r2")
  local dir = releases.dir(paths, "r1")
  local marker, good = dir .. "/.runbook.json", host.fs:read(dir .. "/.runbook.json")
  local function why()
    local release = releases.look(host, paths).by_name.r1
    expect.equal(release.complete, release.why == nil)
    return release.why
  end
  expect.equal(why(), nil)
  for _, case in ipairs({
    { ("["):rep(4000000), "larger than 64 KiB" },
    { ("["):rep(65536), "not one that a release writes" },
    { ('{"a":'):rep(13000), "not one that a release writes" },
    { "\0\t\n", "not one that a release writes" },
    { '{"release":"r2","revision":"' .. revision .. '"}', "that of another release" },
    { '{"release":"r1","revision":"' .. ("1"):rep(40) .. '"}',
      "of revision 1111111111, and " .. revision:sub(1, 10) .. " is checked out" },
    { '{"release":"r1","revision":{}}', "not one that a release writes" },
  }) do
    host.fs:write(marker, case[1])
    expect.contains(why(), case[2])
    local refused = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
    expect.status(refused, 3)
    expect.contains(refused.error, "release r1 is incomplete: its .runbook.json is")
    local shown = run("recipes/status.lua")
    expect.status(shown, 0)
    expect.contains(shown.stdout, case[2])
  end
  host.fs:remove(marker)
  host:run({ "mkfifo", marker })
  expect.equal(releases.look(host, paths).by_name.r1.complete, false)
  host.fs:remove(marker)
  host.fs:write(dir .. "/elsewhere", good)
  host.fs:symlink(dir .. "/elsewhere", marker)
  expect.equal(releases.look(host, paths).by_name.r1.complete, false)
  host.fs:remove(marker)
  host.fs:write(marker, good)
  expect.equal(why(), nil)

  -- The checked-out commit and the requirements count, too.
  host.fs:write(dir .. "/.git/HEAD", "ref: refs/heads/main\n")
  expect.contains(why(), "a branch is checked out")
  host.fs:remove(dir .. "/.git/HEAD")
  host:run({ "mkfifo", dir .. "/.git/HEAD" })
  expect.contains(why(), "none is checked out")
  host.fs:remove(dir .. "/.git/HEAD")
  host.fs:write(dir .. "/.git/HEAD", revision .. "\n")
  host.fs:write(dir .. "/" .. releases.REQUIREMENTS, "requirements.txt")
  expect.contains(why(), "its requirements are not those that were installed")
end)

test("the log is read from its end, and only if it is a regular file", function()
  local host = lab.hosts(1)[1]
  local paths = releases.paths({ root = host.vars.root })
  planted.release(host, "r1")
  local entry = host.fs:read(paths.log)
  host.fs:write(paths.log, ("["):rep(4000000) .. "\n" .. entry)
  expect.equal(#releases.look(host, paths).entries, 1)
  host.fs:remove(paths.log)
  host:run({ "mkfifo", paths.log })
  expect.equal(#releases.look(host, paths).entries, 0)
  local refused = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(refused, 3)
  expect.contains(refused.error, "releases.log is not a regular file")
end)
