-- A module for the tests here: makes a release that looks complete to the recipes, without the time
-- that a real one takes.

lab.defaults() -- whatever app.lua says

local releases = require "releases"

local history = releases.history

-- release makes the release called name with a revision made up from its name, makes it current and
-- logs it, as release.lua does. It returns the revision.
local function release(host, name)
  local paths = releases.paths({ root = host.vars.root })
  local dir = releases.dir(paths, name)
  local revision = (name:gsub("%W", "") .. ("0"):rep(40)):sub(1, 40)
  host.fs:mkdir(dir .. "/.git")
  host.fs:write(dir .. "/.git/HEAD", revision .. "\n")
  host.fs:write(dir .. "/.runbook.json", json.encode({
    release = name, revision = revision, branch = "release", at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
    python = "/usr/bin/python3",
  }))
  host.fs:mkdir(dir .. "/venv/bin")
  host.fs:write(dir .. "/venv/bin/python", "#!/bin/sh\n", { mode = "0755" })
  host.fs:write(dir .. "/wsgi.py", "")
  local before = host.fs:exists(paths.current) and releases.title(paths, host.fs:readlink(paths.current)) or ""
  host.fs:symlink(dir, paths.current)
  history.append(host, paths, { action = "release", release = name, revision = revision, from = before })
  return revision
end

return { release = release }
