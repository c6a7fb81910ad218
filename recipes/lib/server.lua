-- What serves the releases: mod_wsgi-express, or whatever app.lua's own restart = function(host, release) looks after.

local app = require "app"
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

-- stale says why the server isn't known to serve dir, or nil. Of app.lua's own server nothing is known but what its answers say.
local function stale(host, options, dir)
  if own(options) or options.restart == "none" then
    return nil
  end
  return served.by_mod_wsgi(host, options, dir)
end

-- proves says whether stale knows anything.
local function proves(options)
  return not own(options) and options.restart ~= "none"
end

return { problem = problem, look = look, serve = serve, serve_again = serve_again, stale = stale, proves = proves }
