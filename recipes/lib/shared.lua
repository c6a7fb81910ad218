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

-- OWN are the names in a release that runbook makes, or git.
local OWN = { [".git"] = true, venv = true, [".runbook.json"] = true }

-- problem says why an entry can't be linked, or nil. A link that led out of the release, or took the place of what makes it one,
-- could change or remove files of others.
local function problem(entry)
  if type(entry) ~= "string" then
    return "want a text, not a " .. type(entry)
  end
  local name = name_of(entry)
  local first = name:match("^[^/]*")
  if name == "" or first == "" or ("/" .. name .. "/"):find("//", 1, true) or ("/" .. name .. "/"):find("/%.%.?/") or name:find("%c") then
    return "\"" .. entry .. "\" is not a path in the release"
  elseif OWN[first] then
    return "\"" .. entry .. "\": each release has " .. first .. " of its own"
  end
  return nil
end

-- stated fails when app.lua's shared can't be followed.
local function stated()
  local hint = "name files and folders as they stand in a release: shared = { \".env\", \"media/\" }"
  if type(app.shared) ~= "table" then
    fail("recipes/app.lua: shared must be a list", hint)
  end
  for key, entry in pairs(app.shared) do
    local wrong = type(key) ~= "number" and "want a list without names, got " .. tostring(key) .. " = …" or problem(entry)
    if wrong then
      fail("recipes/app.lua: shared: " .. wrong, hint)
    end
  end
  for i, entry in ipairs(app.shared) do
    for j, other in ipairs(app.shared) do
      if i ~= j and (name_of(other) .. "/"):sub(1, #name_of(entry) + 1) == name_of(entry) .. "/" then
        fail("recipes/app.lua: shared: \"" .. other .. "\" is " .. (name_of(other) == name_of(entry) and "named twice" or
          "in \"" .. entry .. "\", which is shared already"), hint)
      end
    end
  end
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

return { stated = stated, link = link, folders = folders }
