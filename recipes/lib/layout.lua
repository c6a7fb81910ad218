-- Where everything is on a host, and which names and paths are accepted.

-- absolute returns a path without a slash at its end, or fails: a path that another folder could change the meaning
-- of must not reach a command that removes things.
local function absolute(what, path)
  local plain = path:gsub("/+$", "")
  if plain:sub(1, 1) ~= "/" or (plain .. "/"):find("/%.?%.?/") or plain:find("%c") then
    fail(what .. " must be an absolute path without . and .., and not the root folder; got \"" .. path .. "\"",
      "write it like /srv/app")
  end
  return plain
end

-- of returns the paths of a host. Within each, options.root is that host's own.
local function of(options)
  local root = absolute("--root", options.root)
  return {
    root = root,
    current = root .. "/current",
    releases = root .. "/releases",
    shared = root .. "/shared",
    mirror = root .. "/repo.git",
    venvs = root .. "/venvs",
    log = root .. "/releases.log",
    lock = root .. "/.runbook.lock",
  }
end

-- is_name says whether a release may be called this: one folder's name, which no shell or option could take for
-- something else.
local function is_name(name)
  return name:find("^%w[%w._-]*$") ~= nil
end

-- release returns the folder of a release. A foreign release has its path as its name.
local function release(paths, name)
  return name:sub(1, 1) == "/" and name or paths.releases .. "/" .. name
end

-- name_of is the name of the release that a path means, or nil for a path that is not exactly ROOT/releases/NAME.
local function name_of(paths, path)
  local folder = paths.releases .. "/"
  local name = path:sub(#folder + 1)
  if path:sub(1, #folder) == folder and is_name(name) then
    return name
  end
  return nil
end

-- title returns what a release at a path is called: its name, or the whole path outside of ROOT/releases.
local function title(paths, path)
  local plain = path:gsub("(.)/+$", "%1")
  return name_of(paths, plain) or plain
end

-- is_foreign says whether a title can be that of a foreign release: a folder outside of ROOT/releases, which another tool
-- made and current pointed to.
local function is_foreign(paths, name)
  return name:find("^/.") ~= nil and #name < 4096 and not name:find("%c") and not (name .. "/"):find("/%.?%.?/") and name ~= paths.releases
    and name ~= paths.current and name ~= paths.root and not name_of(paths, name)
end

-- shared_name is an entry of app.lua's shared without the slash that makes it a folder.
local function shared_name(entry)
  return (entry:gsub("/+$", ""))
end

-- OWN are the names in a release that runbook makes, or git.
local OWN = { [".git"] = true, venv = true, [".runbook.json"] = true }

-- shared_problem says why one of app.lua's shared files or folders can't be linked into a release, or nil. A link out of
-- the release, or over what makes it one, could change or remove files of others.
local function shared_problem(entries)
  for i, entry in ipairs(entries) do
    local name = shared_name(entry)
    local first, path = name:match("^[^/]*"), "/" .. name .. "/"
    if first == "" or path:find("//", 1, true) or path:find("/%.%.?/") or name:find("%c") then
      return "\"" .. entry .. "\" is not a path in the release"
    elseif OWN[first] then
      return "\"" .. entry .. "\": each release has " .. first .. " of its own"
    end
    for j, other in ipairs(entries) do
      local inner = shared_name(other)
      if i ~= j and inner == name then
        return "\"" .. other .. "\" is named twice"
      elseif (inner .. "/"):sub(1, #name + 1) == name .. "/" and i ~= j then
        return "\"" .. other .. "\" is in \"" .. entry .. "\", which is shared already"
      end
    end
  end
  return nil
end

-- discard_on_failure removes a folder that is about to be made, if this host fails before the file marker in it says that it is
-- complete. Where it can't, as after a lost connection, the next release does.
local function discard_on_failure(host, folder, marker)
  host:on_failure({ timeout = "300s" }, function()
    local ok, err = pcall(function()
      -- While the connection was lost another run may have completed it.
      if host.fs:exists(folder) and not host.fs:exists(folder .. "/" .. marker) then
        host.fs:remove(folder, { recursive = true })
        log.info("removed " .. folder .. ", which was not complete")
      end
    end)
    if not ok then
      log.warn("what was made of " .. folder .. " is left: " .. tostring(err))
    end
  end)
end

return {
  of = of, absolute = absolute, is_name = is_name, release = release, name_of = name_of, title = title, is_foreign = is_foreign,
  shared_name = shared_name, shared_problem = shared_problem, discard_on_failure = discard_on_failure,
}
