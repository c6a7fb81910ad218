-- The releases on a host: which there are, which is current, and which are old enough to go.

local history = require "history"
local layout = require "layout"
local reuse = require "reuse"

-- What is in ROOT, by one round trip. A release without .runbook.json is incomplete; "old" is older than a day. Links
-- in releases/ are named but never followed.
local LOOK = [[
# list the releases
cd "$1" 2>/dev/null || exit 0
if [ -L current ]; then printf 'link\t%s\n' "$(readlink current)"
elif [ -e current ]; then printf 'odd\t\n'
fi
[ ! -d venvs ] || printf 'venvs\t\n'
cd releases 2>/dev/null || exit 0
for name in *; do
  if [ -L "$name" ]; then printf 'alias\t%s\n' "$name"
  elif [ -f "$name/.runbook.json" ]; then printf 'complete\t%s\t%s\n' "$name" "$(tr -d '\n\t' < "$name/.runbook.json")"
  elif [ -d "$name" ]; then printf 'incomplete\t%s\t%s\n' "$name" "$(find "$name" -prune -mmin +1440)"
  fi
done
]]

-- read_marker returns what a .runbook.json says, or nil when it says nothing that can be relied on.
local function read_marker(text)
  local ok, marker = pcall(json.decode, text)
  if ok and type(marker) == "table" and type(marker.revision) == "string" then
    marker.python = type(marker.python) == "string" and marker.python or nil
    return marker
  end
  return nil
end

-- look returns what is on a host:
--   current   where the link leads, or nil        name      the release that is, or nil
--   odd       why current is not what it should be, or nil
--   list      releases, newest name first: { name, complete, marker, old }        by_name   the same by name
--   alias     names under releases/ that are links
--   venvs     whether there are virtualenvs that releases share
local function look(host, paths)
  local found = { list = {}, by_name = {}, alias = {} }
  local text = host:capture({ "sh", "-c", LOOK, "sh", paths.root })
  for line in text:gmatch("[^\n]+") do
    local kind, name, rest = line:match("^(%a+)\t([^\t]*)\t?(.*)$")
    if kind == "link" then
      found.current, found.name = name, layout.name_of(paths, name)
      if name:sub(1, 1) ~= "/" then
        found.odd = paths.current .. " leads to the relative path " .. name
      end
    elseif kind == "odd" then
      found.odd = paths.current .. " is not a link"
    elseif kind == "venvs" then
      found.venvs = true
    elseif kind == "alias" then
      found.alias[name] = true
    elseif kind and layout.is_name(name) then
      local marker = kind == "complete" and read_marker(rest) or nil
      local old = kind == "incomplete" and rest ~= ""
      local release = { name = name, complete = marker ~= nil, marker = marker or {}, old = old }
      found.list[#found.list + 1] = release
      found.by_name[name] = release
    end
  end
  table.sort(found.list, function(a, b) return a.name > b.name end)
  return found
end

-- current returns where the link leads, or nil when there is none.
local function current(host, paths)
  local target = host:capture({ "readlink", paths.current }, { check = false })
  return target ~= "" and target or nil
end

-- superfluous returns the releases to remove, oldest first. Of the complete ones the newest by name are kept, and
-- before them previous, which the next rollback goes to; one that a host had to go back from makes way before any that
-- served. kept is never removed, whatever its age.
local function superfluous(found, failed, keep, kept, previous)
  local served, broken, remove = {}, {}, {}
  for _, release in ipairs(found.list) do
    if release.complete then
      local list = failed[release.name] and broken or served
      if release.name == previous or kept[release.name] then
        table.insert(list, kept[release.name] and 1 or math.min(2, #list + 1), release)
      else
        list[#list + 1] = release
      end
    elseif release.old and not kept[release.name] then
      remove[#remove + 1] = release
    end
  end
  local left = keep
  for _, list in ipairs({ served, broken }) do
    for _, release in ipairs(list) do
      left = left - 1
      if left < 0 and not kept[release.name] then
        remove[#remove + 1] = release
      end
    end
  end
  table.sort(remove, function(a, b) return a.name < b.name end)
  return remove
end

-- prune removes what is more than keep. released is the name of the release that was just switched to, previous that of
-- the one before.
local function prune(host, paths, keep, released, previous)
  local found = look(host, paths)
  if found.odd or (found.current and not found.name) then
    log.warn("nothing is pruned: " .. (found.odd or paths.current .. " leads to " .. found.current))
    return
  end
  -- A dry run has made no release, but counts it.
  if not found.by_name[released] then
    table.insert(found.list, 1, { name = released, complete = true, marker = {} })
    table.sort(found.list, function(a, b) return a.name > b.name end)
  end
  local kept = { [released] = true }
  if found.name then
    kept[found.name] = true
  end
  for _, release in ipairs(superfluous(found, history.failed(history.read(host, paths)), keep, kept, previous)) do
    host.fs:remove(layout.release(paths, release.name), { recursive = true })
    history.append(host, paths, { action = "prune", release = release.name, revision = release.marker.revision })
  end
  if found.venvs then
    reuse.prune(host, paths)
  end
end

return { look = look, current = current, prune = prune }
