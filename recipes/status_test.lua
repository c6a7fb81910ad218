-- Tests of status.lua on throwaway hosts.

lab.defaults() -- whatever app.lua says

local planted = require "planted_test"
local releases = require "releases"

test("hosts that agree, and a host that differs", function()
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

test("a host that is behind the newest switch of the others", function()
  local web1, web2, web3 = unpack(lab.hosts(3))
  local sha = ("0123456789"):rep(4)
  local function log(host, entry)
    host.fs:write(host.vars.root .. "/releases.log", entry .. "\n", { append = true })
  end
  for _, host in ipairs({ web1, web2, web3 }) do
    planted.release(host, "r1")
  end
  planted.release(web1, "r2")
  log(web1, '{"action":"release","release":"r2","revision":"' .. sha .. '","from":"r1","at":"2099-01-01T00:00:00Z"}')
  planted.release(web2, "r2")
  log(web3, '{"action":"restore","release":"r1","from":"r2","at":"2099-01-01T00:00:01Z"}')
  web2.fs:symlink(web2.vars.root .. "/releases/r1", web2.vars.root .. "/current")
  log(web2, '{"action":"rollback","release":"r1","from":"r2","at":"2098-01-01T00:00:00Z"}')
  local function notes(only)
    local text = run("recipes/status.lua", { restart = "none" }, { except = only }).stdout
    return (text:match("\nBEHIND: .*") or "none"):gsub("\nDRIFT.*", "")
  end
  -- web3 went back from r2, so it is not behind.
  expect.equal(notes(nil), "\nBEHIND: web2: current is r1, and web1 has r2\n" ..
    "  to catch up: runbook run recipes/rollback.lua --release r2 --only web2")
  -- A host without the release builds it from the commit in the log, if that is a valid commit.
  web2.fs:remove(web2.vars.root .. "/releases/r2", { recursive = true })
  expect.equal(notes({ "web3" }), "\nBEHIND: web2: current is r1, and web1 has r2\n" ..
    "  to catch up: runbook run recipes/release.lua --release r2 --revision " .. sha .. " --only web2")
  log(web1, '{"action":"release","release":"r2","revision":"$(reboot)","from":"r1","at":"2099-01-02T00:00:00Z"}')
  expect.equal(notes({ "web3" }), "\nBEHIND: web2: current is r1, and web1 has r2")
  -- A rollback is newer than the release that it left.
  log(web2, '{"action":"rollback","release":"r1","from":"r2","at":"2099-01-03T00:00:00Z"}')
  expect.equal(notes({ "web3" }), "\nBEHIND: web1: current is r2, and web2 has r1\n" ..
    "  to catch up: runbook run recipes/rollback.lua --release r1 --only web1")
end)

-- half_back makes a host where a run was killed after it had switched from r2 back to r1. It
-- returns the host and the root folder.
local function half_back()
  local host = lab.hosts(1)[1]
  planted.release(host, "r1")
  planted.release(host, "r2")
  local root = host.vars.root
  host.fs:symlink(root .. "/releases/r1", root .. "/current")
  return host, root
end

test("a switch that is not in the log", function()
  local web1, root = half_back()
  expect.contains(run("recipes/status.lua").stdout,
    "UNFINISHED: " .. web1.name .. ": current points to r1, " ..
    "and the last release that worked is r2: a run was killed in between\n" ..
    "  to go back: runbook run recipes/rollback.lua --release r2 --only " .. web1.name .. "\n" ..
    "  to finish the switch: runbook run recipes/rollback.lua --release r1 --only " .. web1.name)
  web1:lock(root .. "/.runbook.lock")
  expect.contains(run("recipes/status.lua").stdout, "the last release that worked is r2: a run is in progress, by ")
end)

-- litter makes files and folders that killed runs leave, and some that only look similar. It
-- returns both lists.
local function litter(host)
  local root = host.vars.root
  for _, folder in ipairs({
    "repo.git.new", "repo.git.old", "venvs/half", "venvs/whole",
    "releases/r0/venv", "releases/.r0.runbook-0123456789ab",
  }) do
    host.fs:mkdir(root .. "/" .. folder)
  end
  local left = {
    ".current.runbook-ABCDEFGH23", "releases/.r0.runbook-0123456789ab", "venvs/half", "repo.git.new", "repo.git.old",
    ".runbook.drained",
  }
  host.fs:symlink(root .. "/releases/r1", root .. "/.current.runbook-ABCDEFGH23")
  host.fs:write(root .. "/.runbook.drained", "")
  host.fs:write(root .. "/venvs/whole/.runbook-complete", "")
  host.fs:write(root .. "/.env.runbook-notes", "mine")
  return left, { "venvs/whole", "releases/r0", ".env.runbook-notes" }
end

test("leftovers of killed runs are listed", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  local left, mine = litter(web1)
  local text = run("recipes/status.lua").stdout
  expect.contains(text, "LEFTOVER: web1: " .. root .. "/.current.runbook-ABCDEFGH23, ")
  expect.contains(text, " and 1 more, left by a killed run; the next release removes it\n")
  expect.equal(text:match("\nr0 .- (%a+)\n"), "incomplete")

  local paths = releases.paths({ root = root })
  local found = releases.look(web1, paths)
  local listed = releases.leftovers(paths, found)
  table.sort(listed)
  table.sort(left)
  expect.equal(#listed, #left)
  for i, name in ipairs(left) do
    expect.equal(listed[i], root .. "/" .. name)
  end
  releases.remove_leftovers(web1, listed)
  for _, name in ipairs(left) do
    expect.absent(web1, name)
  end
  for _, name in ipairs(mine) do
    expect.file(web1, name)
  end
  expect.file(web1, "releases/r1/.runbook.json")

  -- The temporary files of a running run are not listed. A lock file from before the boot does not
  -- mean a running run.
  litter(web1)
  web1:lock(paths.lock)
  expect.equal(run("recipes/status.lua").stdout:find("LEFTOVER", 1, true), nil)
  web1:run({ "touch", "-d", "2001-01-01", paths.lock })
  expect.contains(run("recipes/status.lua").stdout, "LEFTOVER")
end)

test("a virtualenv that a release links to is not listed, even unfinished", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  web1.fs:mkdir(root .. "/venvs")
  web1.fs:rename(root .. "/releases/r1/venv", root .. "/venvs/half")
  web1.fs:symlink(root .. "/venvs/half", root .. "/releases/r1/venv")
  expect.equal(#releases.look(web1, releases.paths({ root = root })).leftovers, 0)
end)

test("an unfinished switch is finished later", function()
  local web1 = half_back()
  local finished = run("recipes/rollback.lua", { release = "r1", restart = "none", health = "" })
  expect.status(finished, 0)
  expect.equal(finished.hosts[web1.name].previous, "r2")
  expect.equal(run("recipes/status.lua").stdout:find("UNFINISHED", 1, true), nil)
end)

test("a release that cannot be served", function()
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
  -- If another server than mod_wsgi-express is used, only the interpreter counts.
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
  expect.contains(run("recipes/status.lua").stdout,
    "BROKEN: web1: release " .. old .. " cannot be served: it has no virtualenv: " .. old)
end)

test("the last error since Apache was started", function()
  local web1 = lab.hosts(1)[1]
  local root = web1.vars.root
  planted.release(web1, "r1")
  web1.fs:mkdir(root .. "/server")
  web1.fs:mkdir(root .. "/logs")
  -- errors writes lines to the error log, dated ago seconds back, and returns what status prints.
  local function errors(lines)
    local text = {}
    for i, line in ipairs(lines) do
      local date = { "date", "-d", (line.ago or 0) .. " seconds ago", "+[%a %b %d %H:%M:%S.123456 %Y] " }
      local at = line.ago and web1:capture(date) .. " " or ""
      text[i] = at .. line[1] .. "\n"
    end
    web1.fs:write(root .. "/logs/errors of the site", table.concat(text))
    return run("recipes/status.lua").stdout:match("ERROR: (.-)\n")
  end
  web1.fs:write(root .. "/server/httpd.conf", "ErrorLog \"|/usr/bin/rotatelogs \\\n  /var/log/x 5M\"\n" ..
    "  ErrorLog '" .. root .. "/logs/errors of the site'\n")
  local traceback = {
    { "[wsgi:error] [pid 17:tid 18] Traceback (most recent call last):", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18]   File \"" .. root .. "/current/wsgi.py\", line 3, in <module>", ago = 300 },
    { "[wsgi:error] [pid 16:tid 18] mod_wsgi (pid=16): Exception occurred processing WSGI script '/x'.", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18]     import nowhere", ago = 300 },
    { "[wsgi:error] [pid 17:tid 18] ModuleNotFoundError: No module named 'nowhere'", ago = 300 },
    { "[core:error] [pid 17:tid 18] AH00126: Invalid URI in request", ago = 200 },
    { "[mpm_event:notice] [pid 17:tid 17] AH00489: resuming normal operations", ago = 100 },
  }
  local raised = "web1: ModuleNotFoundError: No module named 'nowhere' (wsgi.py, line 3), 5 min ago"
  expect.equal(errors(traceback), raised)
  -- Process 1 has been running since the boot. Errors in the log from before that do not count.
  web1.fs:write(root .. "/server/httpd.pid", "1\n")
  local age = tonumber((web1:capture({ "cut", "-d.", "-f1", "/proc/uptime" })))
  for _, line in ipairs(traceback) do
    line.ago = line.ago + age
  end
  expect.equal(errors(traceback), nil)
  expect.equal(errors({ traceback[1], { "[core:crit] [pid 17] no room", ago = 1 } }):gsub("%d s", "N s"),
    "web1: no room, N s ago")
  -- Foreign lines, and a line that is too long.
  expect.equal(errors({ { "Traceback (most recent call last):" }, { "ValueError: " .. ("x"):rep(5000) } }),
    "web1: ValueError: " .. ("x"):rep(288) .. "…")
  expect.equal(errors({ { "all is well" } }), nil)
end)
