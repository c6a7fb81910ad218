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
    seeds = root .. "/seeds",
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

-- release is the folder of a release.
local function release(paths, name)
  return paths.releases .. "/" .. name
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

return { of = of, absolute = absolute, is_name = is_name, release = release, name_of = name_of }
