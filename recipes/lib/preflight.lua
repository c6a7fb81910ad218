-- What must be right on every host before anything is changed on any of them.

local app = require("options").app
local health = require "health"
local keys = require "keys"
local layout = require "layout"
local lines = require "lines"
local mod_wsgi = require "mod_wsgi"
local owners = require "owners"
local problems = require "problems"

-- Facts about a host, one a line, by one round trip. Arguments: the root folder, the Python ("" for none), the server's root, and
-- "yes" to measure what the current release takes.
local FACTS = [[
# gather facts
root=$1 python=$2 server_root=$3 measure=$4
say() { printf '%s\t%s\n' "$1" "$2"; }
say clock "$(date +%s)"
say user "$(id -un)"
say uid "$(id -u)"
if [ -d "$root" ]; then say root folder; say owner "$(ls -ld "$root/." | awk '{ print $3 }')"
elif [ -e "$root" ] || [ -L "$root" ]; then say root 'not a folder'
fi
near=$root
until [ -d "$near" ]; do near=$(dirname "$near"); done
say near "$near"
mount=$(df -P "$near" | awk 'NR == 2 { print $6 }')
if [ -w "$near" ]; then say writable yes
elif awk -v m="$mount" '$2 == m { o = $4 } END { exit o !~ /^ro(,|$)/ }' /proc/mounts 2>/dev/null; then say readonly "$mount"
fi
for name in releases repo.git releases.log .runbook.lock; do
  if [ -L "$root/$name" ]; then say link "$root/$name"
  elif [ -e "$root/$name" ] && [ ! -w "$root/$name" ]; then say unwritable "$root/$name"
  fi
done
for name in releases.log .runbook.lock; do
  [ ! -e "$root/$name" ] || [ -f "$root/$name" ] || [ -d "$root/$name" ] || say odd "$root/$name"
done
if [ -e "$root/releases" ]; then
  [ -d "$root/releases" ] || say file "$root/releases"
  on() { stat -c '%d %m' "$1" 2>/dev/null || df -P "$1" | awk 'NR == 2 { print $1, $6 }'; }
  [ "$(on "$root")" = "$(on "$root/releases")" ] || say elsewhere "$root/releases"
fi
command -v git >/dev/null && say git yes
[ -n "$python" ] && program=$(command -v "$python") && [ -x "$program" ] && [ ! -d "$program" ] && {
  say executable yes
  "$python" -c 'import sys
print("python\t" + sys.version.split()[0])
import venv, ensurepip
print("venv\tyes")' 2>/dev/null
}
df -Pk "$near" | awk 'NR == 2 { printf "megabytes\t%d\n", $4 / 1024 }'
df -Pi "$near" 2>/dev/null | awk 'NR == 2 && $2 > 0 { printf "inodes\t%d\n", $4 }'
last=$(readlink "$root/current") && [ "$measure" = yes ] && case $last in "$root"/releases/*)
  if [ -d "$last" ]; then
    du -sk "$last" 2>/dev/null | awk '{ printf "lastmegabytes\t%d\n", $1 / 1024 + 1 }'
    say lastfiles "$(find "$last" 2>/dev/null | wc -l | tr -d ' ')"
  fi
esac
]] .. owners.FIND .. "exit 0\n"

-- clock warns where a host's clock is far from this machine's. Between began and ended the host was asked for it.
local function clock_warning(known, began, ended)
  local theirs = tonumber(known.clock)
  if not theirs then
    return
  end
  local ahead = theirs > ended and theirs - ended or theirs < began and theirs - began or 0
  if math.abs(ahead) > 60 then
    log.warn(("the clock is %d s %s this machine's; names and times of releases will look odd, and certificates may not be valid")
      :format(math.abs(ahead), ahead > 0 and "ahead of" or "behind"))
  end
end

-- facts asks a host. Whatever is not so there is nil. server_root is the option, or nil for the default. With measure it also says
-- what the current release takes. foreign is a list of what others can change although the login is root.
local function facts(host, paths, python, server_root, measure)
  local known, began = {}, clock.now()
  local text = host:capture({ "sh", "-c", FACTS, "sh", paths.root, python,
    mod_wsgi.server_root({ root = paths.root, server_root = server_root or "" }), measure and "yes" or "no" })
  local ended = clock.now()
  for line in lines.each(text) do
    local name, value = lines.fields(line, 2)
    if name == "foreign" then
      known.foreign = known.foreign or {}
      table.insert(known.foreign, value)
    else
      known[name] = value
    end
  end
  clock_warning(known, began, ended)
  return known
end

-- disk returns what is wrong with the room on the disk, or nil. A release is likely to need what the last one takes.
local function disk(known)
  local megabytes, inodes = tonumber(known.megabytes), tonumber(known.inodes)
  local last, files = tonumber(known.lastmegabytes) or 0, tonumber(known.lastfiles) or 0
  if megabytes and megabytes < app.free_megabytes then
    return { known.near .. " has " .. megabytes .. " MB of room left, less than " .. app.free_megabytes,
      "remove something, or set free_megabytes in recipes/app.lua" }
  elseif megabytes and megabytes < last then
    return { known.near .. " has " .. megabytes .. " MB of room left, less than the " .. last .. " that the current release takes",
      "remove something: old releases, or whatever else is on that disk" }
  elseif inodes and inodes < app.free_inodes then
    return { known.near .. " has room for " .. inodes .. " more files (inodes), fewer than " .. app.free_inodes,
      "remove something, or set free_inodes in recipes/app.lua" }
  elseif inodes and inodes < files then
    return { known.near .. " has room for " .. inodes .. " more files (inodes), fewer than the " .. files ..
      " of the current release", "remove something: old releases, or whatever else is on that disk" }
  end
  return nil
end

-- python returns what is wrong with the interpreter; or nil, having said which it is.
local function python(known, program)
  if not known.executable then
    return { "there is no Python at " .. program, "name another with --python, or install it" }
  elseif not known.python then
    return { program .. " is no Python that works", "run it on the host to see why" }
  elseif not known.venv then
    return { program .. " can't make virtualenvs: its venv or ensurepip is missing",
      "on Debian and Ubuntu: sudo apt-get install python3-venv" }
  end
  log.info("Python " .. known.python .. " at " .. program)
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

-- folder returns what is wrong with a root folder that is there, or nil.
local function folder(known, paths)
  if known.root ~= "folder" then
    return { paths.root .. " is " .. known.root, "move it away, or name another --root" }
  elseif known.link then
    return { known.link .. " is a link", "it must stand in " .. paths.root .. " itself: move the link away" }
  elseif known.odd then
    return { known.odd .. " is not a regular file", "move it away" }
  elseif known.file then
    return { known.file .. " is not a folder", "move it away" }
  elseif known.elsewhere then
    return { known.elsewhere .. " is on another file system than " .. paths.root,
      "both must be on one, or nothing can be moved between them in one step" }
  elseif not known.writable or known.unwritable then
    local which = known.unwritable or paths.root
    return { known.user .. " may not write to " .. which .. " (" .. paths.root .. " belongs to " .. known.owner .. ")",
      "on the host: sudo chown " .. known.user .. " " .. which }
  end
  return nil
end

-- readonly returns a problem where the root folder is, or would be, on a file system that can't be written to.
local function readonly(known, paths)
  return known.readonly and { paths.root .. " is on a read-only file system, " .. known.readonly,
    "on the host: dmesg says whether it failed; mount -o remount,rw " .. known.readonly .. " opens it" } or nil
end

-- root returns what is wrong with the root folder, or nil. One that a release can make is not wrong.
local function root(known, paths)
  local foreign = owners.problem(known.foreign, paths.root)
  if foreign then
    return foreign
  elseif known.root then
    return readonly(known, paths) or folder(known, paths)
  elseif not can_make(known, paths) then
    return readonly(known, paths) or { paths.root .. " does not exist", "run recipes/setup.lua first: it makes the folders" }
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

-- within fails unless path leads to a file of the repository.
local function within(flag, path)
  if path == "" or path:find("^[/-]") or ("/" .. path .. "/"):find("/%.%./") or path:find("%c") then
    fail(flag .. " must be the path of a file in the repository; got \"" .. path .. "\"", "write it like app/wsgi.py")
  end
end

-- served fails when what was asked for of mod_wsgi-express and the health check can't be.
local function served(options)
  layout.of(options)
  health.validate(options)
  mod_wsgi.server_root(options)
  within("--wsgi", options.wsgi)
  if options.health:find("[%s%c]") or options.health:find("://", 1, true) then
    fail("--health must be a path; got \"" .. options.health .. "\"", "write it like /health")
  end
end

-- repository fails when a repository or a branch can't be called so.
local function repository(options)
  if options.repo ~= "" and hosts[1] then
    local problem = problems.of(hosts[1], hosts[1].git.check, hosts[1].git, options.repo, options.branch)
    if problem then
      fail(unpack(problem))
    elseif options.branch == "" then
      fail("--branch is empty", "name the branch to release")
    end
  end
end

-- stated fails when what was asked for can't be: before any host is contacted.
local function stated(options, release)
  served(options)
  repository(options)
  if options.repo == "" then
    fail("--repo is empty", "name the git repository")
  elseif options.requirements:find("^%-") or options.requirements:find("%c") then
    fail("--requirements must be a file's path; got \"" .. options.requirements .. "\"", "write it like requirements.txt")
  elseif not layout.is_name(release.name) then
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

-- lock takes a host's lock, unless what facts found is wrong: a root folder that is missing, or that others can write to, is
-- told of instead. What is looked at from here on stays as it is, and whatever is started ends with the connection. It
-- returns nil or the problem.
local function lock(host, paths, known, wrong)
  if wrong or not known.root then
    return wrong
  end
  return problems.of(host, host.lock, host, paths.lock)
end

-- git_access returns the problem of a host that can't read the repository, or nil, and the commit that the branch stands for
-- there. With a revision the branch is not looked for.
local function git_access(host, options, revision)
  local found
  local problem = problems.of(host, keys.for_update, host, options, function()
    keys.for_git(options, function()
      if revision then
        host.git:reach(options.repo)
      else
        found = host.git:resolve(options.repo, options.branch)
      end
    end)
  end)
  return problem, found
end

-- at_once is how many hosts are asked at the same time. With --agent host no key lies open on two hosts at once.
local function at_once(options)
  return options.agent == "host" and 1 or options.at_once
end

-- make_roots makes the root folder on the hosts that had none, which rootless names, and locks them too.
local function make_roots(servers, rootless, options)
  local new = {}
  for _, host in ipairs(servers) do
    new[#new + 1] = rootless[host.name] and host or nil
  end
  each(new, { at_once = options.at_once }, function(host)
    local paths = layout.of(options)
    step("make " .. paths.root, function()
      host.fs:mkdir(paths.root)
      host:lock(paths.lock)
    end)
  end)
end

return {
  facts = facts, root = root, readonly = readonly, python = python, git = git, disk = disk, current = current, name = name,
  stated = stated, served = served, repository = repository, same_revision = same_revision, lock = lock, git_access = git_access, at_once = at_once,
  make_roots = make_roots,
}
