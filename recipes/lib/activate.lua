-- Making a release the current one: take the host out of service, switch the link, restart, check, put it back into
-- service. Release and rollback do it the same way, and when any of it fails the host goes back to what it served.

local health = require "health"
local history = require "history"
local hooks = require "hooks"
local layout = require "layout"
local pool = require "pool"
local problems = require "problems"
local releases = require "releases"
local server = require "server"

-- problem says what would keep a host from being switched to a release, or nil. It is asked before anything is changed.
local function problem(host, options, name, built)
  return server.problem(host, options, name, built)
end

-- title is what a release is called in the table; "" for none.
local function title(paths, target)
  return target and layout.title(paths, target) or ""
end

-- standing returns the path of what target takes the place of, nil for nothing: where current leads. Where it leads to target already,
-- a run has died after the switch; then it is what the log notes last, which serves or did.
local function standing(host, paths, target)
  local before = releases.current(host, paths)
  if before ~= layout.release(paths, target.name) then
    return before
  end
  local found = releases.look(host, paths)
  local last = history.last(found.entries)
  local noted = last and found.by_name[last.release]
  return noted and noted.complete and layout.release(paths, noted.name) or before
end

-- remember_foreign notes a release of another tool before current points elsewhere: from then on the log alone knows it.
local function remember_foreign(host, paths, before)
  local name = title(paths, before)
  local last = history.last(history.read(host, paths))
  if layout.is_foreign(paths, name) and not (last and last.release == name) then
    history.append(host, paths, { action = "restore", release = name })
  end
end

-- earlier is what there is to know of the release that was current before, at the path dir; nil for none.
local function earlier(host, options, dir)
  if not dir then
    return nil
  end
  local paths = layout.of(options)
  local found = releases.look(host, paths).by_name[title(paths, dir)]
  local about = hooks.about(options, { name = title(paths, dir), revision = found and found.marker.revision or "" }, "rollback")
  about.dir, about.python = dir, dir .. "/venv/bin/python"
  return about
end

-- What became of the release of this run: the hosts, by name, that serve it and that went back from it.
local serving, left = {}, {}

-- condemn notes a release that a host went back from on the hosts of the run that have it but were not switched to it. So it counts
-- as failed on all of them: for the next rollback, for --keep and in status.
local function condemn(servers, options, target)
  local rest = {}
  for _, host in ipairs(servers) do
    rest[#rest + 1] = next(left) and not left[host.name] and not serving[host.name] and host or nil
  end
  each(rest, { at_once = options.at_once }, function(host)
    local unrecorded = problems.of(host, function()
      local paths = layout.of(options)
      local found = releases.look(host, paths)
      if found.name == target.name or found.failed[target.name] or not found.by_name[target.name] then
        return
      end
      -- Not where current points: what a run that died left unfinished must still show.
      local last = history.last(found.entries)
      history.append(host, paths, {
        action = "restore", release = last and last.release or found.name or "", revision = last and last.revision, from = target.name,
      })
    end)
    if unrecorded then
      log.warn("it is not on record that " .. target.name .. " failed: " .. unrecorded[1])
    end
  end)
end

-- go_back puts before, which may be nil for nothing, back into the place of the release that failed. It returns whether the
-- host serves what it served.
local function go_back(host, options, target, before, found)
  local paths = layout.of(options)
  local dir = layout.release(paths, target.name)
  if releases.current(host, paths) ~= dir then
    host:result({ state = "not switched" })
    return true
  elseif before == dir then
    return false -- there is nothing to go back to
  end
  local old = earlier(host, options, before)
  local restored, revision = title(paths, before), old and old.revision or ""
  step("go back to " .. (old and restored or "no release"), function()
    if old then
      host.fs:symlink(before, paths.current)
    else
      host.fs:remove(paths.current)
    end
    history.append(host, paths, { action = "restore", release = restored, revision = revision, from = target.name })
    left[host.name] = true
    host:result({ release = restored, revision = revision:sub(1, 10), state = "restored, not restarted" })
    server.serve_again(host, options, found, old)
    if old then
      health.check(host, options, old, found.log)
    end
    host:result({ state = "restored" })
  end)
  return old ~= nil
end

-- DONE is what the table says of a host that was switched.
local DONE = { release = "released", rollback = "rolled back" }

-- release makes target, { name, revision, python }, the current release of a host, and notes it in releases.log as
-- action, "release" or "rollback". It returns the name of the release that was current before, "" for none.
local function release(host, options, target, action)
  local paths, begun, done, noted = layout.of(options), false, false, false
  local about = hooks.about(options, target, action)
  return step("switch to " .. target.name, function()
    local before, found = standing(host, paths, target), server.look(host, options)
    local previous = title(paths, before)
    local function note()
      history.append(host, paths, { action = action, release = target.name, revision = target.revision, from = previous })
      noted = true
    end
    host:on_failure(function() pool.leave_out(host) end) -- after the next, if that didn't put it back
    -- The limit leaves time for a restart and another health check.
    host:on_failure({ timeout = 300 + health.seconds(options) .. "s" }, function()
      if not begun then
        host:result({ state = "not switched" })
        pool.put_back(host, paths)
        return
      elseif not done then
        if go_back(host, options, target, before, found) then
          pool.put_back(host, paths)
        end
        return
      end
      -- It serves: whatever came after that, such as an interrupt, the switch stands.
      host:result({ release = target.name, revision = target.revision:sub(1, 10), previous = previous, state = DONE[action] })
      if not noted then
        note()
      end
      pool.put_back(host, paths)
    end)
    pool.take_out(host, paths)
    -- A process that did not get its release loaded can only be replaced: a touch does not reach it.
    local unwell = found.running and options.restart == "touch" and not health.works(host, options)
    begun = true
    remember_foreign(host, paths, before)
    host.fs:symlink(about.dir, paths.current)
    server.serve(host, options, about, target.python, unwell)
    -- Where nothing was switched, as in a dry run, there is nothing new to check.
    if releases.current(host, paths) == about.dir then
      health.check(host, options, about, found.log)
    end
    hooks.after_each(host, about)
    done, serving[host.name] = true, true
    note()
    pool.put_back(host, paths)
    return previous
  end)
end

-- way_back returns what undoes a run, for resume: a rollback to the release that was current on all servers. previous has it by
-- host; where hosts differ, or have none, nothing is proposed.
local function way_back(servers, previous)
  local name = previous[servers[1].name]
  for _, host in ipairs(servers) do
    if previous[host.name] ~= name then
      return {}
    end
  end
  return name and name ~= "" and { undo = "rollback.lua", with = { release = name } } or {}
end

return { problem = problem, release = release, condemn = condemn, way_back = way_back }
