-- Files that outlive releases: each name in app.lua's shared = { … } is linked from ROOT/shared into the release.

local layout = require "layout"
local app = require("options").app

-- FIRST_LINK prints the first folder on the way to $2 within $1 that is a link. The repository decides where it points.
local FIRST_LINK = [[
at=$1 rest=$2
while [ "$rest" != "${rest#*/}" ]; do
  at=$at/${rest%%/*} rest=${rest#*/}
  [ ! -L "$at" ] || { printf '%s\n' "${at#"$1/"}"; exit; }
done
]]

-- link makes the links in a release. What the repository has under such a name stays, with a warning.
local function link(host, paths, dir)
  for _, entry in ipairs(app.shared) do
    local name = layout.shared_name(entry)
    local kept, place = paths.shared .. "/" .. name, dir .. "/" .. name
    local link_there = name:find("/", 1, true) and host:capture({ "sh", "-c", FIRST_LINK, "sh", dir, name }) or ""
    if link_there ~= "" then
      fail(link_there .. " is a link in the repository, so " .. name .. " is not linked through it to " .. kept,
        "name " .. link_there .. " itself in shared = { … }, or make it a folder in the repository")
    elseif host.fs:exists(place) then
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
    if entry:sub(-1) == "/" then -- a folder
      list[#list + 1] = paths.shared .. "/" .. layout.shared_name(entry)
    end
  end
  return list
end

return { link = link, folders = folders }
