-- Files that outlive releases: each name in app.lua's shared = { … } is linked from ROOT/shared into the release.

local app = require "app"

-- is_folder says whether an entry stands for a folder: it ends in a slash.
local function is_folder(entry)
  return entry:sub(-1) == "/"
end

-- name_of is an entry without that slash.
local function name_of(entry)
  return (entry:gsub("/+$", ""))
end

-- link makes the links in a release. What the repository has under such a name stays, with a warning.
local function link(host, paths, dir)
  for _, entry in ipairs(app.shared) do
    local name = name_of(entry)
    local kept, place = paths.shared .. "/" .. name, dir .. "/" .. name
    if host.fs:exists(place) then
      log.warn(name .. " is in the repository, so it is not linked to " .. kept)
    else
      if not host.fs:exists(kept) then
        log.warn(kept .. " is not there yet; the release has a link that leads to it")
      end
      host.fs:mkdir(place:match("^(.*)/"))
      host.fs:symlink(kept, place)
    end
  end
end

-- folders are the folders that setup makes: ROOT/shared, and those in it that app.lua names.
local function folders(paths)
  local list = { paths.shared }
  for _, entry in ipairs(app.shared) do
    if is_folder(entry) then
      list[#list + 1] = paths.shared .. "/" .. name_of(entry)
    end
  end
  return list
end

return { link = link, folders = folders }
