-- What status.lua shows, tried on throwaway hosts: `runbook test recipes` runs this.

lab.defaults() -- whatever app.lua says

local layout = require "layout"
local leftovers = require "leftovers"
local planted = require "planted"
local releases = require "releases"

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
    "UNFINISHED: " .. web1.name .. ": current points to r1, and what was last seen to serve is r2: a run died in between\n" ..
    "  to go back: runbook run recipes/rollback.lua --release r2 --only " .. web1.name .. "\n" ..
    "  to finish the switch: runbook run recipes/rollback.lua --release r1 --only " .. web1.name)
  web1:lock(root .. "/.runbook.lock")
  expect.contains(run("recipes/status.lua").stdout, "what was last seen to serve is r2: a run is at it, by ")
end)

-- litter leaves on a host what killed runs leave, and what only looks like it. It returns both.
local function litter(host)
  local root = host.vars.root
  for _, folder in ipairs({ "repo.git.new", "repo.git.old", "venvs/half", "venvs/whole", "releases/r0/venv", "releases/.r0.runbook-0123456789ab" }) do
    host.fs:mkdir(root .. "/" .. folder)
  end
  local left = {
    ".current.runbook-ABCDEFGH23", "releases/.r0.runbook-0123456789ab", "venvs/half", "repo.git.new", "repo.git.old", ".runbook.drained",
  }
  host.fs:symlink(root .. "/releases/r1", root .. "/.current.runbook-ABCDEFGH23")
  host.fs:write(root .. "/.runbook.drained", "")
  host.fs:write(root .. "/venvs/whole/.runbook-complete", "")
  host.fs:write(root .. "/.env.runbook-notes", "mine")
  return left, { "venvs/whole", "releases/r0", ".env.runbook-notes" }
end

test("what killed runs left is listed", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  local left, mine = litter(web1)
  local text = run("recipes/status.lua").stdout
  expect.contains(text, "LEFTOVER: web1: " .. root .. "/.current.runbook-ABCDEFGH23, ")
  expect.contains(text, " and 1 more, of a run that died; the next release removes it\n")
  expect.equal(text:match("\nr0 .- (%a+)\n"), "incomplete")

  local paths = layout.of({ root = root })
  local found = releases.look(web1, paths)
  local listed = leftovers.list(paths, found)
  table.sort(listed)
  table.sort(left)
  expect.equal(#listed, #left)
  for i, name in ipairs(left) do
    expect.equal(listed[i], root .. "/" .. name)
  end
  leftovers.remove(web1, listed)
  for _, name in ipairs(left) do
    expect.absent(web1, name)
  end
  for _, name in ipairs(mine) do
    expect.file(web1, name)
  end
  expect.file(web1, "releases/r1/.runbook.json")

  -- What a run that is under way has made is its own affair; a name in the lock file from before the host started is not one.
  litter(web1)
  web1:lock(paths.lock)
  expect.equal(run("recipes/status.lua").stdout:find("LEFTOVER", 1, true), nil)
  web1:run({ "touch", "-d", "2001-01-01", paths.lock })
  expect.contains(run("recipes/status.lua").stdout, "LEFTOVER")
end)

test("a virtualenv that a release links to is no leftover, even unfinished", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  web1.fs:mkdir(root .. "/venvs")
  web1.fs:rename(root .. "/releases/r1/venv", root .. "/venvs/half")
  web1.fs:symlink(root .. "/venvs/half", root .. "/releases/r1/venv")
  expect.equal(#releases.look(web1, layout.of({ root = root })).leftovers, 0)
end)

test("a switch that is finished later", function()
  local web1 = half_back()
  local finished = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(finished, 0)
  expect.equal(finished.hosts[web1.name].previous, "r2")
  expect.equal(run("recipes/status.lua").stdout:find("UNFINISHED", 1, true), nil)
end)

test("a release that could not be served", function()
  local web1 = lab.hosts(1)[1]
  for _, name in ipairs({ "r1", "r2", "r3", "r4" }) do
    planted.release(web1, name)
  end
  local dir = web1.vars.root .. "/releases/"
  web1.fs:remove(dir .. "r1/wsgi.py")
  web1.fs:remove(dir .. "r2/venv/bin/python")
  web1.fs:symlink("/usr/bin/python3.nothing", dir .. "r2/venv/bin/python")
  web1.fs:remove(dir .. "r3/venv", { recursive = true })
  local text = run("recipes/status.lua").stdout
  for name, lack in pairs({ r1 = "no WSGI script", r2 = "no interpreter", r3 = "no venv", r4 = "current" }) do
    expect.equal(text:match("\n" .. name .. " +%S+ +%d+ %a+ +(.-)\n"), lack, name)
  end
  expect.contains(text, "BROKEN: web1: release r2 cannot be served: its interpreter is missing: " .. dir ..
    "r2/venv/bin/python points to /usr/bin/python3.nothing\n")
  -- Nothing but the interpreter counts where something else than mod_wsgi-express serves.
  text = run("recipes/status.lua", { restart = "none" }).stdout
  expect.equal(text:match("\nr1 +%S+ +%d+ %a+ +(.-)\n"), "ok")
end)

test("a virtualenv that was made for another Python", function()
  local web1 = lab.hosts(1)[1]
  planted.release(web1, "r1")
  local venv = web1.vars.root .. "/releases/r1/venv"
  local python = web1.vars.root .. "/python3.9"
  web1.fs:write(python, "#!/bin/sh\n", { mode = "0755" })
  web1.fs:remove(venv .. "/bin/python")
  web1.fs:symlink(python, venv .. "/bin/python")
  expect.contains(run("recipes/status.lua").stdout, "current, but other Python")
  web1.fs:mkdir(venv .. "/lib/" .. "python3.9")
  expect.equal(run("recipes/status.lua").stdout:find("other Python", 1, true), nil)
end)

test("a release of another tool", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  local old = root .. "/old/20250101"
  web1.fs:mkdir(old)
  web1.fs:symlink(old, root .. "/current")
  local text = run("recipes/status.lua", { restart = "none" }).stdout
  expect.contains(text, "\nweb1  " .. old .. " ")
  expect.contains(text, old .. "  foreign   -    current\n")
  planted.release(web1, "r1")
  text = run("recipes/status.lua", { restart = "none" }).stdout
  expect.contains(text:gsub(" +", " "), "\n" .. old .. " foreign - ok\n")
  expect.contains(run("recipes/status.lua").stdout, "BROKEN: web1: release " .. old .. " cannot be served: it has no virtualenv: " .. old)
end)

test("the last error since Apache was started", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  web1.fs:mkdir(root .. "/server")
  web1.fs:mkdir(root .. "/logs")
  -- log writes the log, with times so many seconds ago, and returns what status says of it.
  local function errors(lines)
    local text = {}
    for i, line in ipairs(lines) do
      local at = line.ago and web1:capture({ "date", "-d", line.ago .. " seconds ago", "+[%a %b %d %H:%M:%S.123456 %Y] " }) .. " " or ""
      text[i] = at .. line[1] .. "\n"
    end
    web1.fs:write(root .. "/logs/errors of the site", table.concat(text))
    return run("recipes/status.lua").stdout:match("ERROR: (.-)\n")
  end
  web1.fs:write(root .. "/server/httpd.conf", "ErrorLog \"|/usr/bin/rotatelogs \\\n  /var/log/x 5M\"\n  ErrorLog '" .. root .. "/logs/errors of the site'\n")
  local traceback = {
    { "[wsgi:error] [pid 17:tid 18] Traceback (most recent call last):", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18]   File \"" .. root .. "/current/wsgi.py\", line 3, in <module>", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18]     import nowhere", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18] ModuleNotFoundError: No module named 'nowhere'", ago = 300 },
    { "[core:error] [pid 17:tid 18] AH00126: Invalid URI in request", ago = 200 },
    { "[mpm_event:notice] [pid 17:tid 17] AH00489: resuming normal operations", ago = 100 },
  }
  local raised = "web1: ModuleNotFoundError: No module named 'nowhere' (wsgi.py, line 3), 5 min ago"
  expect.equal(errors(traceback), raised)
  -- Process 1 has run since the machine was started, which an error in the log may be older than.
  web1.fs:write(root .. "/server/httpd.pid", "1\n")
  local age = tonumber((web1:capture({ "cut", "-d.", "-f1", "/proc/uptime" })))
  for _, line in ipairs(traceback) do
    line.ago = line.ago + age
  end
  expect.equal(errors(traceback), nil)
  expect.equal(errors({ traceback[1], { "[core:crit] [pid 17] no room", ago = 1 } }):gsub("%d s", "N s"), "web1: no room, N s ago")
  -- What no server of this kind wrote, and what is too long.
  expect.equal(errors({ { "Traceback (most recent call last):" }, { "ValueError: " .. ("x"):rep(5000) } }),
    "web1: ValueError: " .. ("x"):rep(288) .. "…")
  expect.equal(errors({ { "all is well" } }), nil)
end)
