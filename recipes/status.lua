-- Shows the releases of every host: which there are, which is current, and where hosts differ. It changes nothing.

local age = require "age"
local history = require "history"
local layout = require "layout"
local common = require "options"
local pool = require "pool"
local releases = require "releases"

local options = recipe({
  summary = "show the releases of every host, and where hosts differ",
  hosts = "production",
  options = common.some({ "root", "at_once" }),
})

local servers = pool.servers(hosts)

-- What is on each host, by its name; which of its releases it had to go back from; and where current leads to a release that no run has
-- seen to serve yet, in words.
local found, failed, unfinished = {}, {}, {}

-- between says what is between a switch and the note of it: a run that is under way, or one that died. It is nil where nothing is.
local function between(host, paths, entries)
  local name, last = found[host.name].name, history.last(entries)
  if not name or not last or last.release == name then
    return nil
  end
  local served = last.release ~= "" and last.release or "nothing"
  local holder = host:capture({ "cat", paths.lock }, { check = false })
  return ("%s: current leads to %s, and what was last seen to serve is %s: %s"):format(host.name, name, served, holder ~= ""
    and "a run is at it, by " .. holder
    or "a run died in between; runbook run recipes/rollback.lua --release " .. name .. " --only " .. host.name .. " finishes the switch")
end

step("look", function()
  each(servers, { at_once = options.at_once }, function(host)
    local paths = layout.of(options)
    found[host.name] = releases.look(host, paths)
    local entries = history.read(host, paths)
    failed[host.name], unfinished[host.name] = history.failed(entries), between(host, paths, entries)
  end)
end)

local function short(revision)
  return (revision or ""):sub(1, 10)
end

-- cell is what the table of releases says of one release on one host.
local function cell(host, name)
  local on = found[host.name]
  local release = on.by_name[name]
  if not release then
    return "–"
  elseif on.name == name then
    return release.complete and "current" or "current, but incomplete"
  elseif not release.complete then
    return "incomplete"
  end
  return failed[host.name][name] and "failed" or "ok"
end

-- all_names are the names of the releases of all hosts, newest first.
local function all_names()
  local names, seen = {}, {}
  for _, host in ipairs(servers) do
    for _, release in ipairs(found[host.name].list) do
      if not seen[release.name] then
        seen[release.name] = true
        names[#names + 1] = release.name
      end
    end
  end
  table.sort(names, function(a, b) return a > b end)
  return names
end

-- marker is what the release says of itself, on the first host where it is complete. differs says whether another
-- host has another revision under its name.
local function marker(name)
  local first, differs = {}, false
  for _, host in ipairs(servers) do
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
for _, host in ipairs(servers) do
  header[#header + 1] = host.name
end
for _, name in ipairs(all_names()) do
  local about, differs = marker(name)
  local row = { name, differs and "differs" or short(about.revision), age.since(about.at) }
  for _, host in ipairs(servers) do
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

rows = {}
local same, first = true, nil
for _, host in ipairs(servers) do
  local on = found[host.name]
  local release = on.by_name[on.name or ""]
  local about = release and release.marker or {}
  local current = on.odd or on.name or on.current or "no release"
  if on.name and not release then
    current = on.name .. ", which is not there"
  end
  rows[#rows + 1] = { host.name, current, short(about.revision), age.since(about.at) }
  -- By name: hosts may have roots of their own.
  first = first or current
  same = same and current == first
end
show({ header = { "host", "current", "revision", "age" }, rows = rows })

if not same then
  table.insert(drift, 1, "the hosts do not have the same release current")
end
if #drift > 0 or next(unfinished) then
  print("")
end
for _, host in ipairs(servers) do
  if unfinished[host.name] then
    print("UNFINISHED: " .. unfinished[host.name])
  end
end
for _, text in ipairs(drift) do
  print("DRIFT: " .. text)
end
