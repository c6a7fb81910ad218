-- What serves the releases: mod_wsgi-express, or whatever app.lua's own restart = function(host, release) looks after.

local app = require("options").app
local layout = require "layout"
local mod_wsgi = require "mod_wsgi"
local served = require "served"

-- own returns app.lua's function, or nil. --restart goes before it.
local function own(options)
  return options.restart == "" and app.restart or nil
end

-- problem says what would keep the server from serving a release, or nil.
local function problem(host, options, name)
  return not own(options) and mod_wsgi.problem(host, options, name) or nil
end

-- look returns what serve_again goes back to.
local function look(host, options)
  return own(options) and {} or mod_wsgi.look(host, options)
end

-- serve makes the server serve a release that current leads to already, as hooks.about has it. python is what its virtualenv is
-- made with.
local function serve(host, options, release, python)
  local restart = own(options)
  if restart then
    step("restart", function() restart(host, release) end)
  else
    mod_wsgi.serve(host, options, { name = release.name, python = python })
  end
end

-- serve_again goes back to what look found, when current leads to before again; before is nil where nothing was served.
local function serve_again(host, options, found, before)
  if not own(options) then
    mod_wsgi.serve_again(host, options, found)
  elseif before then
    serve(host, options, before)
  end
end

-- pid_file is where mod_wsgi-express keeps its process id.
local function pid_file(options)
  return mod_wsgi.server_root(options) .. "/httpd.pid"
end

-- is_mod_wsgi says whether mod_wsgi-express serves the releases. Of another server nothing is known but what its answers say.
local function is_mod_wsgi(options)
  return not own(options) and options.restart ~= "none"
end

-- script returns the WSGI script that a release must have, or nil.
local function script(options)
  return is_mod_wsgi(options) and options.wsgi or nil
end

-- stale says why the server isn't known to serve the release in dir, or nil.
local function stale(host, options, dir)
  return is_mod_wsgi(options) and served.problem(host, pid_file(options), dir, layout.of(options).releases) or nil
end

-- state returns what the server does, as served.look has it; nil where nothing but its answers is known. The folders are those
-- of the releases that it may serve.
local function state(host, options, folders)
  return is_mod_wsgi(options) and served.look(host, pid_file(options), unpack(folders)) or nil
end

-- serves says whether the server runs and serves the release in dir, as far as that can be seen.
local function serves(host, options, dir)
  local now = state(host, options, { dir })
  return not now or now.running and (now.hidden or #now.folders == 1 and now.folders[1] == dir)
end

-- evidence is what an admin wants to see of a server that isn't well: where the link leads, where its processes work, and
-- the end of its error log.
local function evidence(host, options)
  local paths = layout.of(options)
  local lines = { paths.current .. " leads to " .. host:capture({ "readlink", paths.current }, { check = false }) }
  if is_mod_wsgi(options) then
    local log = mod_wsgi.server_root(options) .. "/error_log"
    lines[2] = served.where(host, pid_file(options), paths.releases)
    lines[3] = "the last lines of " .. log .. ":\n" .. host:capture({ "tail", "-n", "50", log }, { check = false })
  end
  return table.concat(lines, "\n")
end

return {
  problem = problem, look = look, serve = serve, serve_again = serve_again, stale = stale, is_mod_wsgi = is_mod_wsgi, script = script, state = state, serves = serves, evidence = evidence,
}
