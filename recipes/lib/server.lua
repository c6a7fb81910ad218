-- What serves the releases: mod_wsgi-express, or whatever app.lua's own restart = function(host, release) looks after.

local app = require("options").app
local duration = require "duration"
local layout = require "layout"
local mod_wsgi = require "mod_wsgi"
local served = require "served"

-- own returns app.lua's function, or nil. --restart goes before it.
local function own(options)
  return options.restart == "" and app.restart or nil
end

-- problem returns what would keep the server from serving a release, or nil.
local function problem(host, options, name, built)
  return not own(options) and mod_wsgi.problem(host, options, name, built) or nil
end

-- look returns what serve_again goes back to.
local function look(host, options)
  return own(options) and {} or mod_wsgi.look(host, options)
end

-- serve makes the server serve a release that current points to already, as hooks.about has it. python is what its virtualenv
-- is made with; unwell says that what served until now did not work.
local function serve(host, options, release, python, unwell)
  local restart = own(options)
  if restart then
    step("restart", function() restart(host, release) end)
  else
    mod_wsgi.serve(host, options, { name = release.name, python = python }, unwell)
  end
end

-- serve_again goes back to what look found, when current points to before again; before is nil where nothing was served.
local function serve_again(host, options, found, before)
  if not own(options) then
    mod_wsgi.serve_again(host, options, found)
  elseif before then
    serve(host, options, before)
  end
end

-- refuse returns why the server of a host cannot be made to do an action of recipes/restart.lua, or nil.
local function refuse(host, options, action)
  if own(options) and (action == "start" or action == "stop") then
    return { "restart in recipes/app.lua is a function, which can only restart", "use the tool that runs your server: systemctl " .. action .. " UNIT" }
  elseif app.restart == "none" and not mod_wsgi.look(host, options).ours then
    return { "restart in recipes/app.lua is \"none\", and " .. mod_wsgi.server_root(options) .. " has no configuration that runbook wrote",
      "use the tool that runs your server, or set restart in recipes/app.lua" }
  end
  return nil
end

-- refuse_unit fails where something else than runbook starts the server.
local function refuse_unit()
  if app.restart == "none" or type(app.restart) == "function" then
    fail("--unit is for mod_wsgi-express, and restart in recipes/app.lua says that something else serves",
      "the unit of your server starts it at boot")
  end
end

-- stop stops a server that runs by what look found.
local function stop(host, options, found)
  if found.running then
    mod_wsgi.act(host, options, "stop")
  end
end

-- pid_file returns the path of mod_wsgi-express's process id.
local function pid_file(options)
  return mod_wsgi.server_root(options) .. "/httpd.pid"
end

-- is_mod_wsgi says whether mod_wsgi-express serves the releases. Of another server only its answers are known.
local function is_mod_wsgi(options)
  return not own(options) and options.restart ~= "none"
end

-- script returns the WSGI script that a release must have, or nil.
local function script(options)
  return is_mod_wsgi(options) and options.wsgi or nil
end

-- error_log returns the path of the server's error log, or nil.
local function error_log(options)
  return is_mod_wsgi(options) and mod_wsgi.server_root(options) .. "/error_log" or nil
end

-- stale returns why the server is not known to serve the release in dir, or nil.
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

-- reload_stale restarts the processes that a touch did not.
local function reload_stale(host, options, release)
  log.info("some processes still serve another release: they are restarted gracefully")
  mod_wsgi.reload_stale(host, options, release.dir)
end

-- report says what the server really runs, having given its processes some seconds to be there.
local function report(host, options)
  if not is_mod_wsgi(options) then
    return
  end
  local now
  duration.wait(host, 5, function()
    now = state(host, options, {})
    return now.hidden or now.count == 0 or now.count >= options.processes
  end)
  if now.count >= options.processes then
    log.info(("%d processes with %d threads each serve it"):format(now.count, options.threads))
  elseif now.count > 0 and not now.hidden then
    log.warn(("only %d of %d processes run; %s says why"):format(now.count, options.processes, error_log(options)))
  end
end

-- evidence returns what an admin wants to see of a server that is not well: where the link points and where its processes work.
local function evidence(host, options)
  local paths = layout.of(options)
  local text = paths.current .. " points to " .. host:capture({ "readlink", paths.current }, { check = false })
  if is_mod_wsgi(options) then
    text = text .. "\n" .. served.where(host, pid_file(options), paths.releases)
  end
  return text
end

return {
  problem = problem, refuse = refuse, refuse_unit = refuse_unit, stop = stop, look = look, serve = serve, serve_again = serve_again, stale = stale,
  reload_stale = reload_stale, is_mod_wsgi = is_mod_wsgi, script = script, error_log = error_log, state = state, serves = serves,
  report = report, evidence = evidence,
}
