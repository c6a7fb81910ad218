-- Prepares hosts: makes the folders, and checks Python, git, the deploy key and the room on the disk. --adopt takes over a
-- configuration of mod_wsgi-express that runbook did not write; --unit has systemd start the site at boot. Run it again as
-- often as you like: it changes only what is not as it should be, and says so.

local layout = require "layout"
local common = require "options"
local mod_wsgi = require "mod_wsgi"
local pool = require "pool"
local preflight = require "preflight"
local problems = require "problems"
local server = require "server"
local shared = require "shared"
local unit = require "unit"

local options = recipe({
  summary = "prepare hosts for the first release: folders, Python, git and its key, disk",
  hosts = "production",
  options = common.some({ "root", "repo", "branch", "key", "agent", "python", "server_root", "at_once" }, {
    adopt = { false, "take over a configuration of mod_wsgi-express that runbook did not write; a copy is kept" },
    unit = { false, "write and enable a systemd unit that starts the site at boot; needs root or sudo" },
  }),
})

-- What preflight finds, by the host's name: its facts, and the command line of a configuration to take over.
local facts, foreign = {}, {}

-- root returns what stands in the way of making the root folder, or nil.
local function root(known, paths)
  if known.root or known.foreign then
    return preflight.root(known, paths)
  elseif not known.writable then
    return preflight.readonly(known, paths) or { known.user .. " may not make " .. paths.root .. ": " .. known.near .. " is not writable",
      "on the host: sudo mkdir -p " .. paths.root .. " && sudo chown " .. known.user .. ": " .. paths.root }
  end
  return nil
end

-- adoptable returns what stands in the way of --adopt, or nil.
local function adoptable(host)
  local wrong
  foreign[host.name], wrong = mod_wsgi.foreign(host, options)
  return wrong
end

local function check(host)
  local paths = layout.of(options)
  local known = preflight.facts(host, paths, options.python, options.server_root)
  facts[host.name] = known
  local wrong = root(known, paths)
  if options.adopt then
    wrong = preflight.lock(host, paths, known, wrong)
  end
  if known.foreign then -- nothing there may be run
    return { wrong }
  end
  local no_git = preflight.git(known)
  -- The repository is asked for the branch, as a release will.
  local access = not no_git and options.repo ~= "" and preflight.git_access(host, options) or nil
  return problems.list(
    wrong,
    options.adopt and adoptable(host) or nil,
    options.unit and unit.problem(host, options, known) or nil,
    preflight.python(known, options.python),
    no_git,
    access,
    preflight.disk(known))
end

-- make_folder makes a folder, or opens one of the host user's own that others can't read, and returns what it did, or
-- nil. Apache, which is often somebody else, has to get at what is in it.
local function make_folder(host, path)
  if not host.fs:exists(path) then
    host.fs:mkdir(path, { mode = "0755" })
    return "made " .. path
  elseif host:test({ "sh", "-c", '[ -O "$1" ] && [ -z "$(find "$1" -prune -perm -0755)" ]', "sh", path }) then
    host:run({ "chmod", "u+rwx,go+rx", path })
    return "opened " .. path .. " for reading"
  end
  return nil
end

-- adopt takes the configuration over that preflight found. It returns what it did.
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

local function prepare(host)
  local paths, done = layout.of(options), {}
  local folders = { paths.root, paths.releases }
  for _, folder in ipairs(shared.folders(paths)) do
    folders[#folders + 1] = folder
  end
  for _, folder in ipairs(folders) do
    done[#done + 1] = make_folder(host, folder)
  end
  done[#done + 1] = options.adopt and adopt(host) or nil
  for _, what in ipairs(options.unit and unit.write(host, options, facts[host.name]) or {}) do
    done[#done + 1] = what
  end
  if #done == 0 then
    log.info("nothing to change")
    host:result({ state = "nothing to change" })
  else
    log.info(table.concat(done, ", "))
    host:result({ state = table.concat(done, ", ") })
  end
end

layout.of(options) -- fails where --root is no path
mod_wsgi.server_root(options)
if options.unit then
  server.refuse_unit()
end
preflight.repository(options)
local servers = pool.servers(hosts)
step("preflight", function() problems.refuse(servers, preflight.at_once(options), check) end)
step("prepare", function() each(servers, { at_once = options.at_once }, prepare) end)
