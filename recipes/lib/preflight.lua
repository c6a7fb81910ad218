-- What must be right on every host before anything is changed on any of them.

local app = require "app"
local health = require "health"
local layout = require "layout"

-- Facts about a host, one a line, by one round trip. Arguments: the root folder, the Python.
local FACTS = [[
root=$1 python=$2
say() { printf '%s\t%s\n' "$1" "$2"; }
say user "$(id -un)"
if [ -d "$root" ]; then say root folder
elif [ -e "$root" ] || [ -L "$root" ]; then say root 'not a folder'
fi
near=$root
until [ -d "$near" ]; do near=$(dirname "$near"); done
say near "$near"
[ -w "$near" ] && say writable yes
for name in releases repo.git releases.log; do
  [ -e "$root/$name" ] && [ ! -w "$root/$name" ] && say unwritable "$root/$name"
done
command -v git >/dev/null && say git yes
program=$(command -v "$python") && [ -x "$program" ] && [ ! -d "$program" ] && {
  say executable yes
  "$python" -c 'import sys
print("python\t" + sys.version.split()[0])
import venv, ensurepip
print("venv\tyes")' 2>/dev/null
}
df -Pk "$near" | awk 'NR == 2 { printf "megabytes\t%d\n", $4 / 1024 }'
df -Pi "$near" 2>/dev/null | awk 'NR == 2 && $2 > 0 { printf "inodes\t%d\n", $4 }'
exit 0
]]

-- facts asks a host. Whatever is not so there is nil.
local function facts(host, paths, python)
  local known = {}
  for line in host:capture({ "sh", "-c", FACTS, "sh", paths.root, python }):gmatch("[^\n]+") do
    local name, value = line:match("^(%a+)\t(.*)$")
    if name then
      known[name] = value
    end
  end
  return known
end

-- disk returns what is wrong with the room on the disk, or nil.
local function disk(known)
  local megabytes, inodes = tonumber(known.megabytes), tonumber(known.inodes)
  if megabytes and megabytes < app.free_megabytes then
    return { known.near .. " has " .. megabytes .. " MB of room left, less than " .. app.free_megabytes,
      "remove something, or set free_megabytes in recipes/app.lua" }
  end
  if inodes and inodes < app.free_inodes then
    return { known.near .. " has room for " .. inodes .. " more files (inodes), fewer than " .. app.free_inodes,
      "remove something, or set free_inodes in recipes/app.lua" }
  end
  return nil
end

-- python returns what is wrong with the interpreter, or nil.
local function python(known, program)
  if not known.executable then
    return { "there is no Python at " .. program, "name another with --python, or install it" }
  elseif not known.python then
    return { program .. " is no Python that works", "run it on the host to see why" }
  elseif not known.venv then
    return { program .. " can't make virtualenvs: its venv or ensurepip is missing",
      "on Debian and Ubuntu: sudo apt-get install python3-venv" }
  end
  return nil
end

-- git returns a problem where git is missing, or nil.
local function git(known)
  return not known.git and { "git is not installed", "on Debian and Ubuntu: sudo apt-get install git" } or nil
end

-- can_make says whether a release may make the root folder itself: where only that one folder is missing. With more
-- missing, --root is likelier to be misspelt.
local function can_make(known, paths)
  return known.writable and known.near == (paths.root:match("^(.+)/[^/]+$") or "/")
end

-- root returns what is wrong with the root folder, or nil. One that a release can make is not wrong.
local function root(known, paths)
  if not known.root and not can_make(known, paths) then
    return { paths.root .. " does not exist", "run recipes/setup.lua first: it makes the folders" }
  elseif not known.root then
    return nil
  elseif known.root ~= "folder" then
    return { paths.root .. " is " .. known.root, "move it away, or name another --root" }
  elseif not known.writable or known.unwritable then
    local which = known.unwritable or paths.root
    return { known.user .. " may not write to " .. which, "on the host: sudo chown " .. known.user .. " " .. which }
  end
  return nil
end

-- current returns what is wrong with ROOT/current, or nil.
local function current(found)
  return found.odd and { found.odd, "it must be a link to an absolute path: move it away" } or nil
end

-- name returns what speaks against giving a release this name, or nil. What an earlier run left half-done under it may
-- be removed, but not while it is served.
local function name(found, wanted)
  local existing = found.by_name[wanted]
  if found.alias[wanted] then
    return { "releases/" .. wanted .. " is a link", "choose another --release" }
  elseif existing and not existing.complete and found.name == wanted then
    return { "release " .. wanted .. " is incomplete, and current all the same", "choose another --release" }
  end
  return nil
end

-- stated fails when what was asked for can't be: before any host is contacted.
local function stated(options, release)
  layout.of(options)
  health.seconds(options.health_within)
  if not layout.is_name(release.name) then
    fail("--release \"" .. release.name .. "\" can't be a folder's name",
      "use letters, digits, dots, - and _, with a letter or digit first")
  elseif release.revision and not (#release.revision == 40 and release.revision:find("^[0-9a-f]+$")) then
    fail("--revision \"" .. release.revision .. "\" is not a whole commit name",
      "give all 40 hex digits, as git rev-parse prints them")
  end
end

-- same_revision fails when a host has a complete release of this name that is of another revision. before holds what
-- was found under the name, by host.
local function same_revision(before, release)
  for host, existing in pairs(before) do
    if existing.complete and existing.marker.revision ~= release.revision then
      local theirs = existing.marker.revision
      fail("release " .. release.name .. " is there on " .. host .. " already, of revision " .. theirs:sub(1, 10) ..
        " instead of " .. release.revision:sub(1, 10), "choose another --release, or state --revision " .. theirs)
    end
  end
end

-- lock takes every host's lock, so that what is looked at from here on stays as it is. It returns the hosts that
-- can't be locked yet.
local function lock(hosts, options)
  local rest = {}
  for _, host in ipairs(hosts) do
    host:result({ state = "not touched" })
  end
  each(hosts, { at_once = options.at_once }, function(host)
    local paths = layout.of(options)
    -- A root that is missing or closed is told of later, together with all other problems. (The /. makes a file fail.)
    if host:test({ "test", "-w", paths.root .. "/." }) then
      host:lock(paths.lock)
    else
      rest[#rest + 1] = host
    end
  end)
  return rest
end

-- make_roots makes the root folder on the hosts that lock returned, and locks them too.
local function make_roots(hosts, options)
  each(hosts, { at_once = options.at_once }, function(host)
    local paths = layout.of(options)
    step("make " .. paths.root, function()
      host.fs:mkdir(paths.root)
      host:lock(paths.lock)
    end)
  end)
end

return {
  facts = facts, root = root, python = python, git = git, disk = disk, current = current, name = name,
  stated = stated, same_revision = same_revision, lock = lock, make_roots = make_roots,
}
