-- Shows the releases of every host, which is current, which can be rolled back to, what the server
-- does, and where hosts differ. It changes nothing. If a host cannot be reached, it still shows the
-- others, and exits with status 3 as every recipe does.

local health = require "health"
local helpers = require "helpers"
local mod_wsgi = require "mod_wsgi"
local common = require "options"
local preflight = require "preflight"
local releases = require "releases"
local rollout = require "rollout"
local server = require "server"

local history = releases.history

local options = recipe({
  summary = "show the releases of every host, and where hosts differ",
  hosts = "production",
  options = common.some({ "root", "wsgi", "server_root", "restart", "at_once" }),
})

local servers = rollout.servers()

-- By host name: what is on each host, the problems of hosts where this is unknown, and the hosts
-- that cannot be reached.
local found, troubles, away = {}, {}, {}

-- unfinished describes a switch that is not in the log, or returns nil: a run is in progress, or
-- was killed. The way back comes first, because the new release may be what killed it.
local function unfinished(host, on)
  local name, last = on.name, history.last(on.entries)
  if not name or not last or last.release == name then
    return nil
  end
  local function rollback(release)
    return "runbook run recipes/rollback.lua --release " .. release .. " --only " .. host.name
  end
  local text = ("current points to %s, and the last release that worked is %s: "):format(name,
    last.release ~= "" and last.release or "nothing")
  if on.holder then
    return text .. "a run is in progress, by " .. on.holder
  elseif last.release == "" then
    return text .. "a run was killed in between\n  to finish the switch: " .. rollback(name)
  end
  return text .. "a run was killed in between\n  to go back: " .. rollback(last.release) ..
    "\n  to finish the switch: " .. rollback(name)
end

-- look records what is on a host.
local function look(host)
  local paths = releases.paths(options)
  local on = releases.look(host, paths, server.script(options))
  on.unfinished = unfinished(host, on)
  on.left = releases.leftovers(paths, on)
  on.out = releases.is_out(on) and not on.holder
  local folders = {}
  for _, release in ipairs(on.list) do
    release.lack, release.short = releases.lack(paths, release)
    folders[#folders + 1] = releases.dir(paths, release.name)
  end
  on.server = server.state(host, options, folders)
  on.error = on.server and health.last_error(host, mod_wsgi.server_root(options), paths.root)
  for i, folder in ipairs(on.server and on.server.folders or {}) do
    on.server.folders[i] = releases.title(paths, folder)
  end
  found[host.name] = on
end

-- seen has the servers with a known state, in order.
local seen = {}

step("look", { required = true }, function()
  for _, missing in ipairs(connect()) do
    troubles[missing.host], away[missing.host] = { { missing.message, missing.hint } }, true
  end
  local reached = {}
  for _, host in ipairs(servers) do
    reached[#reached + 1] = not troubles[host.name] and host or nil
  end
  each(reached, { at_once = options.at_once }, function(host)
    local problem = preflight.catch(host, look, host)
    troubles[host.name] = problem and { problem }
  end)
  for _, host in ipairs(reached) do
    seen[#seen + 1] = found[host.name] and host or nil
  end
end)

local function short(revision)
  return (revision or ""):sub(1, 10)
end

-- cell returns the table cell of one release on one host.
local function cell(host, name)
  local on = found[host.name]
  local release = on.by_name[name]
  if not release then
    return "–"
  elseif on.name == name then
    return not release.complete and "current, but incomplete" or release.short and "current, but " .. release.short
      or "current"
  elseif not release.complete then
    return "incomplete"
  end
  return on.failed[name] and "failed" or release.short or "ok"
end

-- all_names returns the names of the releases of all hosts, newest first.
local function all_names()
  local names, known = {}, {}
  for _, host in ipairs(seen) do
    for _, release in ipairs(found[host.name].list) do
      if not known[release.name] then
        known[release.name] = true
        names[#names + 1] = release.name
      end
    end
  end
  table.sort(names, function(a, b) return a > b end)
  return names
end

-- marker returns the marker of a release, from the first host where it is complete; and whether
-- another host has another revision under its name.
local function marker(name)
  local first, differs = {}, false
  for _, host in ipairs(seen) do
    local release = found[host.name].by_name[name]
    if release and release.complete then
      differs = differs or (first.revision ~= nil and first.revision ~= release.marker.revision)
      first = first.revision and first or release.marker
    end
  end
  return first, differs
end

local drift = {}

local header, rows = { "release", "revision", "age" }, {}
for _, host in ipairs(seen) do
  header[#header + 1] = host.name
end
for _, name in ipairs(all_names()) do
  local about, differs = marker(name)
  local revision = differs and "differs" or name:sub(1, 1) == "/" and "foreign" or short(about.revision)
  local row = { name, revision, helpers.elapsed(about.at) }
  for _, host in ipairs(seen) do
    row[#row + 1] = cell(host, name)
  end
  rows[#rows + 1] = row
  if differs then
    drift[#drift + 1] = "release " .. name .. " is not of the same revision on all hosts"
  end
end
if #rows > 0 then
  show({ header = header, rows = rows })
  print("")
end

-- server_cells returns the table cells of a server: what it serves, with how many processes, and
-- since when.
local function server_cells(state)
  if not state then
    return "", "", ""
  elseif not state.running then
    return "not running", "", ""
  end
  local folders = #state.folders > 0 and table.concat(state.folders, ", ") or state.hidden and "unknown" or "nothing"
  return folders, state.count, state.count > 0 and helpers.age(state.age) or ""
end

rows = {}
local same, first, asked = true, nil, false
for _, host in ipairs(servers) do
  local on = found[host.name]
  if on then
    local release = on.by_name[on.name or ""]
    local about = release and release.marker or {}
    local current = on.odd or on.name or on.current or "no release"
    if on.name and not release then
      current = on.name .. ", which does not exist"
    end
    rows[#rows + 1] = { host.name, current, short(about.revision), helpers.elapsed(about.at), server_cells(on.server) }
    asked = asked or on.server
    -- By name: hosts may have roots of their own.
    first = first or current
    same = same and current == first
  else
    rows[#rows + 1] = { host.name, away[host.name] and "unreachable" or "unknown", "", "", server_cells() }
  end
end
for _, host in ipairs(skipped) do
  rows[#rows + 1] = { host.name, "unreachable", "", "", server_cells() }
end
header = { "host", "current", "revision", "age" }
if asked then
  header = { "host", "current", "revision", "age", "serves", "processes", "since" }
else
  for i, row in ipairs(rows) do
    rows[i] = { unpack(row, 1, #header) }
  end
end
show({ header = header, rows = rows })

if not same then
  table.insert(drift, 1, "the hosts do not have the same release current")
end

-- notes has the lines below the tables.
local notes = {}

local function note(kind, host, text)
  notes[#notes + 1] = kind .. ": " .. (host and host.name .. ": " or "") .. text
end

-- some joins at most five names.
local function some(names)
  local rest = #names - 5
  return table.concat(names, ", ", 1, math.min(5, #names)) .. (rest > 0 and " and " .. rest .. " more" or "")
end

-- server_note returns the problem with what a server does, or nil.
local function server_note(host, on)
  local state = on.server
  if not state or not on.name or on.unfinished then
    return nil
  end
  local again = "; runbook run recipes/restart.lua --only " .. host.name .. " "
  if not state.running then
    return "mod_wsgi-express is not running" .. again .. "--action start starts it"
  elseif #state.folders > 1 or #state.folders == 1 and state.folders[1] ~= on.name then
    return "current is " .. on.name .. ", and the server serves " .. table.concat(state.folders, ", ") .. again ..
      "restarts it"
  elseif state.count == 0 then
    return "mod_wsgi-express runs no process that serves" .. again .. "restarts it"
  end
  return nil
end

-- latest returns the newest switch that a host has completed, and the hosts that have its release.
local function latest()
  local newest, names = nil, {}
  for _, host in ipairs(seen) do
    local on = found[host.name]
    local last = history.last(on.entries)
    if last and history.finished(on.entries, on.name) and helpers.is_time(last.at)
      and (not newest or last.at > newest.at) then
      newest = last
    end
  end
  for _, host in ipairs(newest and seen or {}) do
    names[#names + 1] = found[host.name].name == newest.release and host.name or nil
  end
  return newest, names
end

local newest, holders = latest()

-- behind describes how a host can catch up with the newest switch of the others, or returns nil: it
-- has the same release, went back from it, or a run is in progress.
local function behind(host, on)
  if not newest or on.name == newest.release or on.failed[newest.release] or on.unfinished or on.holder or on.odd then
    return nil
  end
  local text = (on.name and "current is " .. on.name or "it has no release") .. ", and " .. some(holders) ..
    (#holders == 1 and " has " or " have ") .. newest.release
  local with = " --release " .. quote(newest.release)
  local there = on.by_name[newest.release]
  if not (there and there.complete) then
    if #(newest.revision or "") ~= 40 or newest.revision:find("[^0-9a-f]") then
      return text
    end
    with = with .. " --revision " .. newest.revision
  end
  return text .. "\n  to catch up: runbook run recipes/" ..
    (there and there.complete and "rollback" or "release") .. ".lua" ..
    with .. " --only " .. host.name .. (#servers < #hosts and " --only tag:balancer" or "")
end

for _, host in ipairs(servers) do
  local on = found[host.name]
  if not on then
    note(away[host.name] and "UNREACHABLE" or "UNKNOWN", host, troubles[host.name][1][1])
  else
    if on.unfinished then
      note("UNFINISHED", host, on.unfinished)
    end
    local catch_up = behind(host, on)
    if catch_up then
      note("BEHIND", host, catch_up)
    end
    if #on.left > 0 then
      note("LEFTOVER", host, some(on.left) .. ", left by a killed run; the next release removes it")
    end
    if on.out then
      note("DRAINED", host,
        "a run was killed or failed while this host was out of the load balancer's service; a release or rollback " ..
        "that succeeds puts it back")
    end
    local trouble = server_note(host, on)
    if trouble then
      note("SERVER", host, trouble)
    end
    if on.error then
      note("ERROR", host, on.error.text .. (on.error.ago ~= "" and ", " .. on.error.ago .. " ago" or ""))
    end
    for _, release in ipairs(on.list) do
      if release.lack then
        note("BROKEN", host, "release " .. release.name .. " cannot be served: " .. release.lack)
      end
    end
  end
end
for _, host in ipairs(skipped) do
  note("UNREACHABLE", host, "skipped (--skip-unreachable)")
end
for _, text in ipairs(drift) do
  note("DRIFT", nil, text)
end
if #notes > 0 then
  print("")
  print(table.concat(notes, "\n"))
end
-- The run itself reports hosts that cannot be reached.
for name in pairs(troubles) do
  if not away[name] then
    preflight.raise_all(troubles)
  end
end
