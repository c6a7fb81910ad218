-- Prepares hosts: makes the folders, and checks Python, git, the deploy key and the disk. --adopt
-- takes over a configuration of mod_wsgi-express that runbook did not write. --unit makes systemd
-- start the site at boot, and what lib/systemd.lua and lib/workers.lua declare. Running it again is
-- safe: it changes only what is wrong, and says what it changed.

local git = require "git"
local mod_wsgi = require "mod_wsgi"
local common = require "options"
local preflight = require "preflight"
local releases = require "releases"
local rollout = require "rollout"
local server = require "server"
local systemd = require "systemd"

local options = recipe({
  summary = "prepare hosts for the first release: folders, Python, git and its key, disk",
  hosts = "production",
  options = common.some({
    "root", "repo", "source", "branch", "key", "agent", "private", "python", "venv", "server_root", "at_once",
  }, {
    adopt = { false, "take over a configuration of mod_wsgi-express that runbook did not write; a copy is kept" },
    unit = { false, "write and enable the systemd units that start the site and its workers at boot; " ..
      "needs root or sudo" },
  }),
})

-- By host name: facts, and the command line of a configuration to take over.
local facts, foreign = {}, {}

-- root returns why the root folder cannot be made or used, or nil.
local function root(known, paths)
  if not known.unowned then
    known.unshared = nil -- share fixes that
  end
  if known.root or known.foreign then
    return preflight.root(known, paths)
  elseif not known.writable then
    return preflight.readonly(known, paths)
      or { known.user .. " may not make " .. paths.root .. ": " .. known.near .. " is not writable",
      "on the host: sudo mkdir -p " .. paths.root .. " && sudo chown " .. known.user .. ": " .. paths.root }
  end
  return nil
end

-- adopt_problem returns why the configuration cannot be taken over, or nil.
local function adopt_problem(host)
  local wrong
  foreign[host.name], wrong = mod_wsgi.foreign(host, options)
  return wrong
end

-- unit_problem_of returns why the units cannot be written, or nil. It raises an error of sudo.
local function unit_problem_of(host, known)
  return server.has_unit() and mod_wsgi.unit_problem(host, options, known)
    or systemd.problem(host, known, systemd.declared_marks(host, releases.paths(options).root),
      "what recipes/app.lua declares")
end

local function check(host)
  local paths = releases.paths(options)
  local known = preflight.facts(host, options, options.python)
  facts[host.name] = known
  local wrong = root(known, paths)
  if known.foreign then -- nothing is safe to run there
    return { wrong }
  end
  local unready = preflight.list(preflight.catch(host, host.probe, host, {}), unpack(preflight.missing(known)))
  if #unready > 0 then
    return preflight.list(wrong, unpack(unready))
  end
  if options.adopt then
    wrong = preflight.lock(host, paths, known, wrong)
  end
  local no_git, denied = git.missing(known), nil
  if not no_git and options.repo ~= "" then
    denied = preflight.catch(host, git.access, host, options)
  end
  local no_unit, unit_problem = nil, nil
  if options.unit then
    no_unit, unit_problem = preflight.catch(host, unit_problem_of, host, known)
  end
  return preflight.list(
    wrong,
    options.adopt and adopt_problem(host) or nil,
    no_unit or unit_problem,
    preflight.python(known, options.python, options.venv),
    no_git,
    denied,
    preflight.disk(known))
end

-- BITS has the permissions that a digit of a umask leaves.
local BITS = {
  ["0"] = "rwx", ["1"] = "rw", ["2"] = "rx", ["3"] = "r", ["4"] = "wx", ["5"] = "w", ["6"] = "x", ["7"] = "",
}

-- make_folder makes a folder, or opens an existing one as far as the umask does, where the login
-- owns it. It returns what it did, or nil. Apache, which often runs as another user, must be able
-- to read the folder.
local function make_folder(host, path)
  local known = facts[host.name]
  local group, others = known.umask:match("(.)(.)$")
  local mode = "u+rwx,g+" .. BITS[group] .. ",o+" .. BITS[others]
  if not host.fs:exists(path) then
    host.fs:mkdir(path)
    preflight.share(host, known, path)
    return "made " .. path
  elseif host:test({ "sh", "-c", '[ -O "$1" ] && [ -z "$(find "$1" -prune -perm "-$2")" ]', "sh", path, mode }) then
    host:run({ "chmod", mode, path })
    return "opened " .. path .. " for reading"
  end
  return nil
end

-- share shares what exists with the group in app.lua. It returns what it did, or nil.
local function share(host)
  local paths = releases.paths(options)
  local count = releases.share(host, { paths.root, mod_wsgi.server_root(options) }, paths.shared)
  return count and ("shared %s files and folders with the group %s"):format(count, facts[host.name].group)
end

-- adopt takes over the configuration that preflight found. It returns what it did.
local function adopt(host)
  local header, folder = foreign[host.name], mod_wsgi.server_root(options)
  if not header then
    log.info("nothing to adopt: " .. folder .. " has no configuration, or one that runbook wrote")
    return nil
  end
  mod_wsgi.adopt(host, options, header)
  log.info("the next release writes the configuration by recipes/app.lua; before, it was written by " .. header)
  return "took over " .. folder .. ", with a copy in " .. folder .. mod_wsgi.KEPT
end

-- write_units writes all units of the host. It returns a list of what it did.
local function write_units(host, paths)
  local done = server.has_unit() and mod_wsgi.write_unit(host, options, facts[host.name]) or {}
  for _, what in ipairs(systemd.write_declared(host, facts[host.name], paths.root)) do
    done[#done + 1] = what
  end
  return done
end

local function prepare(host)
  local paths, done = releases.paths(options), {}
  local folders = { paths.root, paths.releases }
  for _, folder in ipairs(releases.shared_folders(paths)) do
    folders[#folders + 1] = folder
  end
  for _, folder in ipairs(folders) do
    done[#done + 1] = make_folder(host, folder)
  end
  done[#done + 1] = share(host)
  done[#done + 1] = options.adopt and adopt(host) or nil
  for _, what in ipairs(options.unit and write_units(host, paths) or {}) do
    done[#done + 1] = what
  end
  if #done == 0 then
    log.info("nothing to change")
    host:result({ state = "nothing to change" })
  else
    log.info(table.concat(done, ", "))
    local more = #done > 3 and (" and %d more changes"):format(#done - 2) or ""
    host:result({ state = table.concat(done, ", ", 1, more ~= "" and 2 or #done) .. more })
  end
end

releases.paths(options) -- fails where --root is not a path
mod_wsgi.server_root(options)
if options.unit then
  server.refuse_unit()
end
preflight.validate_repository(options)
local servers = rollout.servers()
step("preflight", { required = true }, function() preflight.refuse(servers, preflight.at_once(options), check) end)
step("prepare", function() each(servers, { at_once = options.at_once }, prepare) end)
