-- For tests: a release on a host that looks complete to the recipes, without the time that it takes to make one.

local history = require "history"
local layout = require "layout"

-- release makes the release called name, of a revision made up from its name, makes it the current one and notes it in
-- the log, as a run of release.lua would. It returns the revision.
local function release(host, name)
  local paths = layout.of({ root = host.vars.root })
  local dir = layout.release(paths, name)
  local revision = (name:gsub("%W", "") .. ("0"):rep(40)):sub(1, 40)
  host.fs:mkdir(dir .. "/.git")
  host.fs:write(dir .. "/.git/HEAD", revision .. "\n")
  host.fs:write(dir .. "/.runbook.json", json.encode({
    release = name, revision = revision, branch = "release", at = clock.utc("%Y-%m-%dT%H:%M:%SZ"), python = "/usr/bin/python3",
  }))
  host.fs:mkdir(dir .. "/venv/bin")
  host.fs:write(dir .. "/venv/bin/python", "#!/bin/sh\n", { mode = "0755" })
  host.fs:write(dir .. "/wsgi.py", "")
  local before = host.fs:exists(paths.current) and layout.title(paths, host.fs:readlink(paths.current)) or ""
  host.fs:symlink(dir, paths.current)
  history.append(host, paths, { action = "release", release = name, revision = revision, from = before })
  return revision
end

return { release = release }
