-- Starts, stops or restarts the server of the release that is current, one host after the other. Behind a load balancer each
-- host is out of service meanwhile, and stays out after a stop until a start.

local app = require("options").app
local batches = require "batches"
local health = require "health"
local hooks = require "hooks"
local layout = require "layout"
local common = require "options"
local pool = require "pool"
local preflight = require "preflight"
local problems = require "problems"
local releases = require "releases"
local server = require "server"

local options = recipe({
  summary = "start, stop or restart the server of the current release",
  hosts = "production",
  options = common.some({
    "root", "wsgi", "processes", "threads", "port", "server_root", "mod_wsgi_express", "health", "health_status",
    "health_host", "health_within", "request_seconds", "at_once", "batch", "max_failures",
  }, {
    action = { "graceful", "what to do; settings that changed in app.lua take effect", choices = { "start", "stop", "restart", "graceful" } },
  }),
})

-- As the library has it, the way to restart is an option; a function in app.lua knows one way only.
local settings = setmetatable({
  restart = type(app.restart) == "function" and "" or options.action,
}, { __index = function(_, name) return options[name] end })

-- The current release on each host, and whether an earlier run left the host out of service, by the host's name.
local current, drained = {}, {}

local function check(host)
  local paths = layout.of(options)
  local known = preflight.facts(host, paths, "", options.server_root)
  local wrong = preflight.lock(host, paths, known, preflight.root(known, paths))
  if known.foreign then -- nothing there may be run
    return { wrong }
  end
  local found = releases.look(host, paths)
  local release = found.by_name[found.name or ""]
  current[host.name], drained[host.name] = release, pool.is_out(found)
  return problems.list(
    wrong,
    not release and { "no release is current", "release first: runbook run recipes/release.lua" } or nil,
    release and server.problem(host, settings, release.name, true) or nil,
    server.refuse(host, settings, options.action))
end

local function act(host)
  local paths, release = layout.of(options), current[host.name]
  local about = hooks.about(options, { name = release.name, revision = release.marker.revision or "" }, "restart")
  local found = server.look(host, settings)
  local untouched = options.action == "start" and found.running
  host:on_failure(function() pool.leave_out(host) end)
  if not untouched or drained[host.name] then
    pool.take_out(host, paths)
  end
  if options.action == "stop" then
    server.stop(host, settings, found)
    host:result({ release = release.name, state = found.running and "stopped" or "was stopped already" })
    pool.leave_out(host)
    return
  elseif untouched then
    host:result({ release = release.name, state = "was running already" })
  else
    server.serve(host, settings, about, release.marker.python)
    host:result({ release = release.name, state = found.running and "restarted" or "started" })
  end
  health.check(host, settings, about, found.log)
  pool.put_back(host, paths)
end

local servers = pool.servers(hosts)
preflight.served(settings)
batches.stated(options, #servers, false)
step("preflight", function() problems.refuse(servers, options.at_once, check) end)
batches.run(servers, options, act)
