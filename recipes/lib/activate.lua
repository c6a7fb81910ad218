-- Making a release the current one: switch the link, restart, check. Release and rollback do it the same way, and when
-- any of it fails the host goes back to what it served.

local health = require "health"
local history = require "history"
local layout = require "layout"
local mod_wsgi = require "mod_wsgi"
local releases = require "releases"

-- problem says what would keep a host from being switched to a release, or nil. It is asked before anything is changed.
local function problem(host, options, name)
  health.seconds(options.health_within) -- fails when it is none
  return mod_wsgi.problem(host, options, name)
end

-- title is what a release is called in the table: its name, or the whole path when it lies elsewhere.
local function title(paths, target)
  return target and (layout.name_of(paths, target) or target) or ""
end

-- go_back puts before, which may be nil for nothing, back into the place of the release that failed.
local function go_back(host, options, target, before, server)
  local paths = layout.of(options)
  local dir = layout.release(paths, target.name)
  if releases.current(host, paths) ~= dir then
    host:result({ state = "not switched" })
    return
  elseif before == dir then
    return -- there is nothing to go back to
  end
  local restored = title(paths, before)
  step("go back to " .. (before and restored or "no release"), function()
    if before then
      host.fs:symlink(before, paths.current)
    else
      host.fs:remove(paths.current)
    end
    local found = releases.look(host, paths).by_name[restored]
    local revision = found and found.marker.revision or ""
    history.append(host, paths, { action = "restore", release = restored, revision = revision, from = target.name })
    host:result({ release = restored, revision = revision:sub(1, 10), state = "restored, not restarted" })
    mod_wsgi.serve_again(host, options, server)
    if before then
      health.check(host, options, mod_wsgi.server_root(options))
    end
    host:result({ state = "restored" })
  end)
end

-- DONE is what the table says of a host that was switched.
local DONE = { release = "released", rollback = "rolled back" }

-- release makes target, { name, revision, python }, the current release of a host, and notes it in releases.log as
-- action, "release" or "rollback". It returns the name of the release that was current before, "" for none.
local function release(host, options, target, action)
  local paths, done, noted = layout.of(options), false, false
  local dir = layout.release(paths, target.name)
  return step("switch to " .. target.name, function()
    local before, server = releases.current(host, paths), mod_wsgi.look(host, options)
    local previous = title(paths, before)
    local function note()
      history.append(host, paths, { action = action, release = target.name, revision = target.revision, from = previous })
      noted = true
    end
    -- The limit leaves time for a restart and another health check.
    host:on_failure({ timeout = 300 + health.seconds(options.health_within) .. "s" }, function()
      if not done then
        go_back(host, options, target, before, server)
        return
      end
      -- It serves: whatever came after that, such as an interrupt, the switch stands.
      host:result({ release = target.name, revision = target.revision:sub(1, 10), previous = previous, state = DONE[action] })
      if not noted then
        note()
      end
    end)
    host.fs:symlink(dir, paths.current)
    mod_wsgi.serve(host, options, target)
    -- Where nothing was switched, as in a dry run, there is nothing new to check.
    if releases.current(host, paths) == dir then
      health.check(host, options, mod_wsgi.server_root(options))
    end
    done = true
    note()
    return previous
  end)
end

return { problem = problem, release = release }
