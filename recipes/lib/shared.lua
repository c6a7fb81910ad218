-- Files that outlive releases: each name in shared = { … } of app.lua is linked from ROOT/shared
-- into the release.

local helpers = require "helpers"
local common = require "options"

-- link makes the links in a release. A file of the repository with such a name remains, with a
-- warning.
local function link(host, release)
  host:plan("shared", function()
    return #common.app.shared > 0 and "links to " .. table.concat(common.app.shared, ", ") or nil
  end)
  for _, entry in ipairs(common.app.shared) do
    local name = common.shared_name(entry)
    local kept, place = release.paths.shared .. "/" .. name, release.dir .. "/" .. name
    local through = helpers.record(host:script("first_link.sh", release.dir, name, { changes = false }).stdout)
    if through then
      fail(through .. " is a link in the repository, so " .. name .. " is not linked through it to " .. kept,
        "name " .. through .. " itself in shared = { … }, or make it a folder in the repository")
    elseif host.fs:exists(place) then
      log.warn(name .. " is in the repository, so it is not linked to " .. kept)
    else
      if not host.fs:exists(kept) then
        log.warn(kept .. " does not exist yet; the release has a link to it")
      end
      host.fs:mkdir(place:match("^(.*)/"))
      host.fs:symlink(kept, place)
    end
  end
end

-- folders returns the folders that setup makes: ROOT/shared, and those in it that app.lua names.
local function folders(paths)
  local list = { paths.shared }
  for _, entry in ipairs(common.app.shared) do
    if entry:sub(-1) == "/" then -- a folder
      list[#list + 1] = paths.shared .. "/" .. common.shared_name(entry)
    end
  end
  return list
end

return { link = link, folders = folders }
