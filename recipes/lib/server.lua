-- The server of the releases: mod_wsgi-express, or whatever the function restart in app.lua
-- restarts. This file decides between the two, and proves which release is served.

local app = require("options").app
local helpers = require "helpers"
local mod_wsgi = require "mod_wsgi"
local releases = require "releases"

-- list_processes returns the processes of a server by its pid file, each { pid, age, daemon, folder
-- }. folders maps the given folders to their real paths. hidden is whether processes may exist
-- whose working directory is unknown.
local function list_processes(host, file, own, ...)
  local text = host:script("processes.sh", file, own and "own" or "", { ... }, { changes = false }).stdout
  local found = { hidden = false, folders = {} }
  for _, record in ipairs(helpers.records(text)) do
    if record[1] == "unknown" then
      found.hidden = true
    elseif record[1] == "folder" then
      local _, name, path = unpack(record)
      found.folders[name] = path ~= "" and path or name
    elseif record[1] == "process" then
      local _, pid, age, kind, folder = unpack(record)
      found[#found + 1] = { pid = pid, age = math.max(0, tonumber(age)), daemon = kind == "daemon", folder = folder }
      found.hidden = found.hidden or folder == ""
    end
  end
  return found
end

-- in_releases returns the processes whose working directory is a release: inside one of the given
-- folders.
local function in_releases(found, ...)
  local serving = {}
  for _, process in ipairs(found) do
    for _, folder in ipairs({ ... }) do
      if process.folder:sub(1, #folder + 1) == folder .. "/" then
        serving[#serving + 1] = process
        break
      end
    end
  end
  return serving
end

-- format_processes returns one line per process.
local function format_processes(found)
  local words = {}
  for i, process in ipairs(found) do
    words[i] = "process " .. process.pid .. " in " .. process.folder
  end
  return #words > 0 and table.concat(words, "\n") or "no process works in a release"
end

-- stale_process returns why the server is not known to serve the release in dir, or nil. A server
-- that resolved ROOT/current once serves the old release whatever the link says. But a daemon
-- process starts in the release that it serves, and the kernel knows its working directory: one
-- process must work in dir, and none in another release. Unknown working directories count as
-- right. pid_file belongs to the server, and folder holds the other releases; default the parent of
-- dir. It also returns the number of daemon processes.
local function stale_process(host, pid_file, dir, folder)
  folder = folder or dir:match("^(.*)/")
  local found = list_processes(host, pid_file, false, dir, folder)
  local own = found.folders[dir]
  local serving, daemons = in_releases(found, found.folders[folder], own:match("^(.*)/")), 0
  for _, process in ipairs(found) do
    daemons = daemons + (process.daemon and 1 or 0)
  end
  for _, process in ipairs(serving) do
    if process.folder ~= own then
      return "still serves another release:\n" .. format_processes(serving), daemons
    end
  end
  return #serving == 0 and not found.hidden and format_processes(serving) or nil, daemons
end

-- format_serving returns which processes of a server work in which release, one per line.
local function format_serving(host, pid_file, folder)
  local found = list_processes(host, pid_file, false, folder)
  return format_processes(in_releases(found, found.folders[folder]))
end

-- describe_processes returns what a server of mod_wsgi does, by its pid file: running; count, the
-- number of processes that serve; age of the oldest one in seconds; hidden; and folders, the
-- releases that they serve, by the given names where possible.
local function describe_processes(host, pid_file, ...)
  local found = list_processes(host, pid_file, true, ...)
  local names, seen = {}, {}
  for name, path in pairs(found.folders) do
    names[path] = name
  end
  local on = { running = #found > 0, hidden = found.hidden, count = 0, age = 0, folders = {} }
  for _, process in ipairs(found) do
    local name = names[process.folder]
    if process.daemon or name then
      on.count, on.age = on.count + 1, math.max(on.age, process.age)
      name = name or process.folder
      if name ~= "" and not seen[name] then
        seen[name] = true
        on.folders[#on.folders + 1] = name
      end
    end
  end
  table.sort(on.folders)
  return on
end

-- custom_restart returns the restart function of app.lua, or nil. The flag --restart overrides it.
local function custom_restart(options)
  return options.restart == "" and app.restart or nil
end

-- problem returns why the server cannot serve a release, or nil. built is whether the release is
-- complete.
local function problem(host, options, name, built)
  return not custom_restart(options) and mod_wsgi.problem(host, options, name, built) or nil
end

-- reach_problem returns why the server cannot read the releases, or nil. Only the user of
-- mod_wsgi-express is known.
local function reach_problem(host, options, facts, folders)
  return not custom_restart(options) and mod_wsgi.reach_problem(host, options, facts, folders) or nil
end

-- look returns the state that serve_again restores.
local function look(host, options)
  return custom_restart(options) and {} or mod_wsgi.look(host, options)
end

-- restart makes the server serve a release that current points to.
local function restart(host, release)
  local custom = custom_restart(release.options)
  if custom then
    host:plan("restart", function() return "by the function in recipes/app.lua" end)
    step("restart", { required = true }, function() custom(host, release) end)
  else
    mod_wsgi.serve(host, release.options, release, release.unwell)
  end
end

-- serve_again restores the state that look found, after current points to before again. before is
-- nil where nothing served.
local function serve_again(host, options, found, before)
  if not custom_restart(options) then
    mod_wsgi.serve_again(host, options, found)
  elseif before then
    restart(host, before)
  end
end

-- refuse returns why the server cannot perform an action of recipes/restart.lua, or nil.
local function refuse(host, options, action)
  if custom_restart(options) and (action == "start" or action == "stop") then
    return { "restart in recipes/app.lua is a function, which can only restart",
      "use the tool that runs your server: systemctl " .. action .. " UNIT" }
  elseif app.restart == "none" and not mod_wsgi.look(host, options).ours then
    return { "restart in recipes/app.lua is \"none\", and " .. mod_wsgi.server_root(options) ..
      " has no configuration that runbook wrote",
      "use the tool that runs your server, or set restart in recipes/app.lua" }
  end
  return nil
end

-- has_unit reports whether setup.lua --unit writes a unit for mod_wsgi-express.
local function has_unit()
  return app.restart ~= "none" and type(app.restart) ~= "function"
end

-- refuse_unit fails where --unit has nothing to write.
local function refuse_unit()
  if not has_unit() and #helpers.units == 0 then
    fail("--unit is for mod_wsgi-express, and restart in recipes/app.lua says that something else serves",
      "leave --unit out: the unit of your server starts it at boot; " ..
        "a service that app.lua declares by systemd.lua gets its unit")
  end
end

-- stop stops a server. found is the state from look.
local function stop(host, options, found)
  if found.running then
    mod_wsgi.act(host, options, "stop")
  end
end

-- pid_file returns the path of the file with the process id of mod_wsgi-express.
local function pid_file(options)
  return mod_wsgi.server_root(options) .. "/httpd.pid"
end

-- is_mod_wsgi reports whether mod_wsgi-express serves the releases. Only the answers of another
-- server are known.
local function is_mod_wsgi(options)
  return not custom_restart(options) and options.restart ~= "none"
end

-- script returns the WSGI script that a release must have, or nil.
local function script(options)
  return is_mod_wsgi(options) and options.wsgi or nil
end

-- error_log returns the path of the server's error log, or nil.
local function error_log(options)
  return is_mod_wsgi(options) and mod_wsgi.server_root(options) .. "/error_log" or nil
end

-- stale returns why the server is not known to serve the release in dir, or nil, and the number of
-- daemon processes.
local function stale(host, options, dir)
  if is_mod_wsgi(options) then
    return stale_process(host, pid_file(options), dir, releases.paths(options).releases)
  end
  return nil, 0
end

-- state returns what describe_processes finds, or nil where only the answers of the server are
-- known. folders has the releases that it may serve.
local function state(host, options, folders)
  return is_mod_wsgi(options) and describe_processes(host, pid_file(options), unpack(folders)) or nil
end

-- serves reports whether the server serves the release in dir, as far as the host can tell.
local function serves(host, options, dir)
  local now = state(host, options, { dir })
  return not now or now.running and (now.hidden or #now.folders == 1 and now.folders[1] == dir)
end

-- reload_stale restarts the processes that a touch did not restart.
local function reload_stale(host, release)
  log.info("some processes still serve another release: they are restarted gracefully")
  mod_wsgi.reload_stale(host, release.options, release.dir)
end

-- report logs how many processes serve, after up to 5 s for all of them to start. count is the
-- number from stale.
local function report(host, options, count)
  helpers.wait(5, function()
    if count == 0 or count >= options.processes then
      return true
    end
    local now = state(host, options, {})
    count = now.hidden and 0 or now.count
    return false
  end)
  if count >= options.processes then
    log.info(("%d processes with %d threads each serve it"):format(count, options.threads))
  elseif count > 0 then
    log.warn(("only %d of %d processes run; %s says why"):format(count, options.processes, error_log(options)))
  end
end

-- diagnose returns where the link points and which releases the processes serve.
local function diagnose(host, options)
  local paths = releases.paths(options)
  local text = paths.current .. " points to " .. host:capture({ "readlink", paths.current }, { check = false })
  if is_mod_wsgi(options) then
    text = text .. "\n" .. format_serving(host, pid_file(options), paths.releases)
  end
  return text
end

return {
  problem = problem, reach_problem = reach_problem, apache_group = mod_wsgi.apache_group, refuse = refuse,
  refuse_unit = refuse_unit, has_unit = has_unit, stop = stop, look = look, restart = restart,
  serve_again = serve_again, stale = stale, stale_process = stale_process, reload_stale = reload_stale,
  is_mod_wsgi = is_mod_wsgi,
  script = script, error_log = error_log, state = state, serves = serves, report = report, diagnose = diagnose,
}
