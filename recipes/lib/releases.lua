-- The releases on a host: which there are, which is current, and which are old enough to go.

local history = require "history"
local layout = require "layout"
local lines = require "lines"
local reuse = require "reuse"

-- REQUIREMENTS is where a release notes which file its marker's checksum is of; releases of earlier versions do not.
local REQUIREMENTS = ".git/runbook-requirements"

-- LOOK lists what is in ROOT, in one round trip. A release without .runbook.json is incomplete; "old" is older than a day. With the
-- marker come the commit that is checked out and the checksum of the requirements. Of each file only as much is read as is
-- needed, and none through a link, since whoever can write here decides what is in it.
-- Links in releases/ are named but never followed. Arguments: ROOT, the WSGI script or "", and folders outside of releases/
-- that may be releases of another tool. What a run that was killed left is named, too: its temporary files and folders, and
-- virtualenvs to share that are unfinished.
local LOOK = [[
# list the releases
root=$1 wsgi=$2
shift 2
lacks() {
  if [ ! -d "$1/venv" ]; then printf 'lacks\t%s\tvenv\n' "$1"
  elif [ ! -x "$1/venv/bin/python" ] || [ -d "$1/venv/bin/python" ]; then
    printf 'lacks\t%s\tpython\t%s\n' "$1" "$(readlink "$1/venv/bin/python" | tr -d '\n\t')"
  else
    python=$(readlink -f "$1/venv/bin/python"); python=${python##*/}
    case $python in python3.[0-9] | python3.[0-9][0-9])
      [ -d "$1/venv/lib/$python" ] || printf 'lacks\t%s\tpackages\t%s\n' "$1" "$python"
    esac
  fi
  [ -z "$wsgi" ] || [ -f "$1/$wsgi" ] || printf 'lacks\t%s\twsgi\t%s\n' "$1" "$wsgi"
}
head_of() {
  [ ! -f "$1/.git/HEAD" ] || [ -L "$1/.git/HEAD" ] || head -c 41 "$1/.git/HEAD" | tr -d '\n\t\000'
}
checksum() {
  [ -f "$1/.git/runbook-requirements" ] || { echo unknown; return; }
  file=$(head -c 4096 "$1/.git/runbook-requirements" | tr -d '\000')
  case $file in '') return ;; /*) ;; *) file=$1/$file ;; esac
  if ! command -v sha256sum >/dev/null; then echo unknown
  elif [ -f "$file" ]; then sha256sum < "$file" | cut -c 1-64
  fi
}
cd "$root" 2>/dev/null || exit 0
if [ -L current ]; then
  target=$(readlink -n current | tr '\n\t' '??')
  printf 'link\t%s\n' "$target"
  set -- "$@" "$target"
elif [ -e current ]; then printf 'odd\t\n'
fi
[ ! -d venvs ] || printf 'venvs\t\n'
for folder in "$@"; do
  folder=${folder%%/}
  case $folder in /*) [ ! -d "$folder" ] || {
    printf 'outside\t%s\n' "$folder"
    [ -z "$wsgi" ] || lacks "$folder" # nothing is known of how it is served without
  } ;; esac
done
# The file names the holder; a name from before the host was started is that of a run that died with the host.
if [ -s .runbook.lock ] && [ -f .runbook.lock ] && [ ! -L .runbook.lock ]; then
  up=$(cut -d. -f1 /proc/uptime 2>/dev/null) && [ -n "$(find .runbook.lock -mmin "+$((up / 60 + 1))")" ] ||
    printf 'held\t%s\n' "$(head -c 200 .runbook.lock | head -n 1 | tr -d '\t\000')"
fi
[ ! -f .runbook.drained ] || printf 'drained\t\n'
for folder in . releases venvs server; do
  for item in "$folder"/.*.runbook-?????????? "$folder"/.*.runbook-????????????; do
    [ ! -e "$item" ] && [ ! -L "$item" ] || printf 'left\t%s\n' "${item#./}"
  done
done
for item in repo.git.new repo.git.old; do [ ! -d "$item" ] || printf 'left\t%s\n' "$item"; done
for venv in venvs/*; do
  [ -d "$venv" ] && [ ! -L "$venv" ] && [ ! -e "$venv/.runbook-complete" ] || continue
  here=$(cd -P -- "$venv" && pwd -P) || continue
  for link in releases/*/venv; do
    [ "$(cd -P -- "$link" 2>/dev/null && pwd -P)" = "$here" ] && continue 2
  done
  printf 'left\t%s\n' "$venv"
done
cd releases 2>/dev/null || exit 0
for name in *; do
  if [ -L "$name" ]; then printf 'alias\t%s\n' "$name"
  elif [ -d "$name" ]; then
    [ -z "$(find "$name" -prune -mmin +1440)" ] || printf 'old\t%s\n' "$name"
    if [ -f "$name/.runbook.json" ] && [ ! -L "$name/.runbook.json" ]; then
      marker=$(head -c 65537 "$name/.runbook.json" | tr '\n\t\000' '   ')
      printf 'complete\t%s\t%s\t%s\t%s\n' "$name" "$(head_of "$name")" "$(checksum "$name")" "$marker"
      lacks "$name"
    else printf 'incomplete\t%s\n' "$name"
    fi
  fi
done
]]

-- read_marker returns what a .runbook.json says; or nil and why the release does not count as complete, because the marker
-- can't be read or is not that of what is on the disk. commit is what is checked out, checksum that of the requirements.
local function read_marker(name, commit, checksum, text)
  if #text > 65536 then
    return nil, "its .runbook.json is larger than 64 KiB"
  end
  local ok, marker = pcall(json.decode, text)
  if not ok or type(marker) ~= "table" or type(marker.revision) ~= "string" then
    return nil, "its .runbook.json is not one that a release writes"
  elseif marker.release ~= name then
    return nil, "its .runbook.json is that of another release"
  elseif marker.revision ~= commit then
    return nil, ("its .runbook.json is of revision %s, and %s is checked out"):format(marker.revision:sub(1, 10),
      commit:find("^%w+$") and commit:sub(1, 10) or commit == "" and "none" or "a branch")
  elseif checksum ~= "unknown" and marker.requirements_sha256 ~= checksum then
    return nil, "its requirements are not those that were installed"
  end
  marker.python = type(marker.python) == "string" and marker.python or nil
  marker.at = type(marker.at) == "string" and marker.at or nil
  return marker
end

-- read_link notes where current points.
local function read_link(found, paths, target)
  found.current = target
  if target:sub(1, 1) ~= "/" then
    found.odd = paths.current .. " leads to the relative path " .. target
    return
  end
  local name = layout.title(paths, target)
  found.name = (layout.is_name(name) or layout.is_foreign(paths, name)) and name or nil
end

-- add notes a release.
local function add(found, release)
  found.list[#found.list + 1] = release
  found.by_name[release.name] = release
end

-- outside returns the last folders outside of ROOT/releases that the log names: releases of another tool, which current pointed
-- to. A log has few of them, unless somebody wrote them there.
local function outside(paths, entries)
  local list, seen = {}, {}
  for i = #entries, 1, -1 do
    for _, name in ipairs({ entries[i].release, entries[i].from }) do
      if #list < 20 and layout.is_foreign(paths, name) and not seen[name] then
        seen[name] = true
        list[#list + 1] = name
      end
    end
  end
  return list
end

-- look returns what is on a host:
--   current   where the link points, or nil       name      the release that it points to, or nil
--   odd       why current is not what it should be, or nil
--   list      releases, newest name first: { name, complete, why, marker, old, foreign, lacks }      by_name   the same by name
--             why is why one that has a marker is not complete.
--             A foreign one is a folder outside of ROOT/releases that current points to or did; its name is its path.
--             lacks is why it cannot be served, { kind, detail }: see LOOK.
--   alias     names under releases/ that are links
--   venvs     whether there are virtualenvs that releases share
--   holder    who holds the lock, or nil         drained   whether the host is out of the load balancer's service
--   leftovers paths of what a run that was killed left; while the lock is held, the work of the run that holds it
--   entries   those of releases.log              failed    the releases, by name, that failed
-- wsgi is the WSGI script that a release needs; nil for none.
local function look(host, paths, wsgi)
  local entries = history.read(host, paths)
  local old = {}
  local found = { list = {}, by_name = {}, alias = {}, leftovers = {}, entries = entries, failed = history.failed(entries) }
  local text = host:capture({ "sh", "-c", LOOK, "sh", paths.root, wsgi or "", unpack(outside(paths, entries)) })
  for line in lines.each(text) do
    local kind, name, rest = lines.fields(line, 3)
    if kind == "link" then
      read_link(found, paths, name)
    elseif kind == "odd" then
      found.odd = paths.current .. " is not a link"
    elseif kind == "venvs" then
      found.venvs = true
    elseif kind == "held" then
      found.holder = name
    elseif kind == "drained" then
      found.drained = true
    elseif kind == "left" then
      found.leftovers[#found.leftovers + 1] = paths.root .. "/" .. name
    elseif kind == "alias" then
      found.alias[name] = true
    elseif kind == "outside" then
      if layout.is_foreign(paths, name) and not found.by_name[name] then
        add(found, { name = name, complete = true, foreign = true, marker = { revision = "" } })
      end
    elseif kind == "lacks" then
      local release = found.by_name[name]
      if release and release.complete and not release.lacks then
        release.lacks = { lines.fields(rest, 2) }
      end
    elseif kind == "old" then
      old[name] = true
    elseif (kind == "complete" or kind == "incomplete") and layout.is_name(name) then
      local marker, why
      if kind == "complete" then
        marker, why = read_marker(name, lines.fields(rest, 3))
      end
      add(found, { name = name, complete = marker ~= nil, marker = marker or {}, why = why, old = not marker and old[name] })
    end
  end
  table.sort(found.list, function(a, b) return a.name > b.name end)
  return found
end

-- LACKS says what a release lacks, for an error and in a cell of a table.
local LACKS = {
  venv = { "it has no virtualenv: %s/venv is missing", "no venv" },
  python = { "its interpreter is missing: %s/venv/bin/python points to %s", "no interpreter" },
  packages = { "its virtualenv was made for another Python: %s/venv/lib has no %s", "other Python" },
  wsgi = { "it has no WSGI script %s/%s", "no WSGI script" },
}

-- lack returns why a release cannot be served, for an error and in short; or nil.
local function lack(paths, release)
  if release.why then
    return release.why, "incomplete"
  end
  local words = release.lacks and LACKS[release.lacks[1]]
  if not words then
    return nil
  end
  local detail = release.lacks[2]
  return words[1]:format(layout.release(paths, release.name), detail ~= "" and detail or "nothing"), words[2]
end

-- current returns where the link points, or nil when there is none.
local function current(host, paths)
  local target = host:capture({ "readlink", paths.current }, { check = false })
  return target ~= "" and target or nil
end

-- holds_foreign says whether a foreign release is in the folder of a release.
local function holds_foreign(found, paths, name)
  local folder = layout.release(paths, name) .. "/"
  for _, release in ipairs(found.list) do
    if release.foreign and release.name:sub(1, #folder) == folder then
      return true
    end
  end
  return false
end

-- superfluous returns the releases to remove, oldest first. Of the complete ones the newest by name are kept, and
-- before them previous, which the next rollback goes to. Releases that failed or lack something are removed before any that served. kept is
-- never removed, whatever its age, and neither is a foreign release.
local function superfluous(found, keep, kept, previous)
  local served, broken, remove = {}, {}, {}
  for _, release in ipairs(found.list) do
    if release.complete and not release.foreign then
      local list = (found.failed[release.name] or release.lacks) and broken or served
      if release.name == previous or kept[release.name] then
        table.insert(list, kept[release.name] and 1 or math.min(2, #list + 1), release)
      else
        list[#list + 1] = release
      end
    elseif release.old and not release.foreign and not kept[release.name] then
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
  for _, release in ipairs(found.list) do
    kept[release.name] = kept[release.name] or not release.foreign and holds_foreign(found, paths, release.name) or nil
  end
  for _, release in ipairs(superfluous(found, keep, kept, previous)) do
    local dir = layout.release(paths, release.name)
    host.fs:remove(dir .. "/.runbook.json") -- first: half of a release must not count as a complete one
    host.fs:remove(dir, { recursive = true })
    history.append(host, paths, { action = "prune", release = release.name, revision = release.marker.revision })
  end
  if found.venvs then
    reuse.prune(host, paths)
  end
end

return { REQUIREMENTS = REQUIREMENTS, look = look, lack = lack, current = current, prune = prune }
