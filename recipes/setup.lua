-- Prepares new hosts: makes the folders, and checks Python, git, the deploy key and the room on the disk. Run it again
-- as often as you like: it changes only what is not as it should be, and says so.

local layout = require "layout"
local common = require "options"
local pool = require "pool"
local preflight = require "preflight"
local problems = require "problems"
local shared = require "shared"

local options = recipe({
  summary = "prepare new hosts for the first release: folders, Python, git and its key, disk",
  hosts = "production",
  options = common.some({ "root", "repo", "branch", "key", "agent", "python", "at_once" }),
})

-- root returns what stands in the way of making the root folder, or nil.
local function root(known, paths)
  if known.root then
    return preflight.root(known, paths)
  elseif not known.writable then
    return preflight.readonly(known, paths) or { known.user .. " may not make " .. paths.root .. ": " .. known.near .. " is not writable",
      "on the host: sudo mkdir -p " .. paths.root .. " && sudo chown " .. known.user .. ": " .. paths.root }
  end
  return nil
end

local function check(host)
  local paths = layout.of(options)
  local known = preflight.facts(host, paths, options.python)
  local no_git = preflight.git(known)
  -- The repository is asked for the branch, as a release will.
  local access = not no_git and options.repo ~= "" and preflight.git_access(host, options) or nil
  return problems.list(
    root(known, paths),
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

local function make_folders(host)
  local paths, done = layout.of(options), {}
  local folders = { paths.root, paths.releases }
  for _, folder in ipairs(shared.folders(paths)) do
    folders[#folders + 1] = folder
  end
  for _, folder in ipairs(folders) do
    done[#done + 1] = make_folder(host, folder)
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
preflight.repository(options)
local servers = pool.servers(hosts)
step("preflight", function() problems.refuse(servers, preflight.at_once(options), check) end)
step("folders", function() each(servers, { at_once = options.at_once }, make_folders) end)
