-- Tests of rollback.lua on throwaway hosts. Its releases are planted, which is faster than building
-- them.

lab.defaults() -- whatever app.lua says

local planted = require "planted_test"

local hosts = lab.hosts(2)
for _, host in ipairs(hosts) do
  planted.release(host, "r1")
  planted.release(host, "r2")
end

-- expect_current fails unless this release is current on all hosts.
local function expect_current(name)
  for _, host in ipairs(hosts) do
    expect.link(host, "current", name:sub(1, 1) == "/" and name or "releases/" .. name)
  end
end

test("a rollback goes to the release before, and forward again by name", function()
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

test("one host that cannot go back stops the rollback on all hosts", function()
  hosts[2].fs:remove(hosts[2].vars.root .. "/releases/r1/.runbook.json")
  local refused = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(refused, 3)
  expect.contains(refused.error, "web2")
  expect.contains(refused.error, "release r1 is incomplete")
  expect_current("r2")
end)

test("a release that cannot be served is refused", function()
  hosts[2].fs:write(hosts[2].vars.root .. "/releases/r1/.runbook.json",
    hosts[1].fs:read(hosts[1].vars.root .. "/releases/r1/.runbook.json"))
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

test("a release that cannot run is refused, also without a restart", function()
  local host = hosts[2]
  local dir = host.vars.root .. "/releases/r1"
  local function refused(why)
    local result = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
    expect.status(result, 3)
    expect.contains(result.error, "web2: preflight: release r1 cannot be served: " .. why)
    expect_current("r2")
  end
  host.fs:write(dir .. "/venv/bin/python",
    "#!/bin/sh\necho 'python: error while loading shared libraries' >&2\nexit 127\n", { mode = "0755" })
  refused("python: error while loading shared libraries")
  host.fs:write(dir .. "/venv/bin/python", "#!/bin/sh\nexit 9\n", { mode = "0755" })
  refused("its Python ends with exit status 9")
  host.fs:write(dir .. "/venv/bin/python", "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n", { mode = "0755" })
  refused("this Python belongs to /usr instead of " .. dir .. "/venv")
  host.fs:remove(dir, { recursive = true })
  host:run({ "git", "init", "-q", dir })
  host:run("touch wsgi.py && echo absent==1 >requirements.txt && git add . && " ..
    "git -c user.name=a -c user.email=a@example.org commit -qm one && " ..
    "git checkout -q --detach && /usr/bin/python3 -m venv --without-pip venv", { cwd = dir })
  host.fs:write(dir .. "/.git/runbook-requirements", "requirements.txt")
  local revision = host:capture({ "git", "rev-parse", "HEAD" }, { cwd = dir })
  for _, other in ipairs(hosts) do
    local path = other.vars.root .. "/releases/r1/"
    other.fs:write(path .. ".git/HEAD", revision .. "\n")
    local marker = json.decode(hosts[1].fs:read(hosts[1].vars.root .. "/releases/r1/.runbook.json"))
    marker.revision, marker.requirements_sha256 = revision, nil
    if other == host then
      marker.requirements_sha256 = other:capture({ "sha256sum", "requirements.txt" }, { cwd = path }):match("^%x+")
    end
    other.fs:write(path .. ".runbook.json", json.encode(marker))
  end
  refused("absent is not installed, which requirements.txt requires")
  host.fs:write(dir .. "/.git/runbook-requirements", "")
  local marker = host.fs:read(dir .. "/.runbook.json")
  host.fs:write(dir .. "/.runbook.json",
    (marker:gsub('"requirements_sha256":"%x*"', '"requirements_sha256":""')))
  host.fs:remove(dir .. "/wsgi.py")
  refused("there is no wsgi.py in this revision")
  host.fs:write(dir .. "/wsgi.py", "")
  expect.status(run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" }), 0)
  expect.status(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" }), 0)
end)

test("a release that failed on one host counts as failed on all", function()
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
  -- The failure is logged once, and counts until the release serves.
  expect.status(run("recipes/rollback.lua", unhealthy), 1)
  _, count = hosts[2].fs:read(hosts[2].vars.root .. "/releases.log"):gsub('"restore"', "")
  expect.equal(count, 1)
  expect.status(run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" }), 0)
  expect.status(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" }), 0)
  _, count = run("recipes/status.lua", { restart = "none" }).stdout:match("\nr1 [^\n]*"):gsub("ok", "")
  expect.equal(count, 2)
end)

test("the run warns about a host whose log cannot be written", function()
  local log = hosts[2].vars.root .. "/releases.log"
  hosts[2].fs:rename(log, log .. ".away")
  hosts[2].fs:mkdir(log)
  local failed = run("recipes/rollback.lua",
    { release = "r1", restart = "none", health = "/", port = 1, health_within = "0.1s" })
  expect.status(failed, 1)
  expect.contains(failed.error, "web1")
  expect.event(failed, { kind = "warning", host = "web2", text = "releases.log does not say that r1 failed" })
  hosts[2].fs:remove(log)
  hosts[2].fs:rename(log .. ".away", log)
end)

test("a log that cannot be written keeps no host from going back", function()
  local log = hosts[1].vars.root .. "/releases.log"
  local current = hosts[1].fs:readlink(hosts[1].vars.root .. "/current")
  hosts[1].fs:rename(log, log .. ".away")
  hosts[1].fs:mkdir(log)
  local failed = run("recipes/rollback.lua",
    { release = "r1", restart = "none", health = "/", port = 1, health_within = "0.1s" })
  expect.status(failed, 1)
  expect.contains(failed.error, "r1 does not work")
  expect.equal(failed.hosts.web1.state, "restored, not restarted")
  expect.event(failed, { kind = "warning", host = "web1", text = "the log has no entry for it" })
  expect.link(hosts[1], "current", current)
  hosts[1].fs:remove(log)
  hosts[1].fs:rename(log .. ".away", log)
end)

test("a second rollback says that it returns to the release that the first one left", function()
  local plain = { restart = "none", health = "" }
  for _, host in ipairs(hosts) do
    planted.release(host, "r3")
    host.fs:write(host.vars.root .. "/releases.log", table.concat({
      '{"action":"release","release":"r1","from":""}',
      '{"action":"release","release":"r2","from":"r1"}',
      '{"action":"release","release":"r3","from":"r2"}', "",
    }, "\n"))
  end
  local function warning(result)
    for _, event in ipairs(result.events) do
      if event.kind == "warning" then
        return event.text
      end
    end
    return nil
  end
  local first = run("recipes/rollback.lua", plain)
  expect.equal(warning(first), nil)
  expect_current("r2")
  local dry = run("recipes/rollback.lua", plain, { dry_run = true })
  expect.event(dry, { kind = "would_change", text = "ask: make r3 current again?" })
  local second = run("recipes/rollback.lua", plain)
  expect.status(second, 0)
  expect.equal(warning(second):gsub("%d+ s ago", "1 s ago"),
    "r3 was rolled back 1 s ago, to r2 (--release r1 goes further back); this run makes it current again")
  expect_current("r3")
  -- The second rollback undid the first, so the next one counts as the first. --release only warns.
  expect.equal(warning(run("recipes/rollback.lua", plain)), nil)
  expect_current("r2")
  local named = run("recipes/rollback.lua", { release = "r3", restart = "none", health = "" })
  expect.contains(warning(named), "r3 was rolled back ")
  expect_current("r3")
  local unhealthy = { release = "r2", restart = "none", health = "/", port = 1, health_within = "0.1s" }
  expect.status(run("recipes/rollback.lua", unhealthy), 1)
  expect.equal(warning(run("recipes/rollback.lua", { release = "r2", restart = "none", health = "" })),
    "r2 failed on a host of its last run; this run makes it current again")
end)

test("a rollback goes to a release of another tool, by its path and by default", function()
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

  local elsewhere = run("recipes/rollback.lua",
    { release = hosts[1].vars.root .. "/old", restart = "none", health = "" })
  expect.status(elsewhere, 3)
  expect.contains(elsewhere.error, "/old is not in ")
end)
