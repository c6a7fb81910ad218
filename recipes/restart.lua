-- Starts, stops or restarts the server of the release that is current, one host after the other.
-- Behind a load balancer each host is out of service meanwhile, and stays out after a stop until a
-- start.

local health = require "health"
local common = require "options"
local preflight = require "preflight"
local releases = require "releases"
local rollout = require "rollout"
local server = require "server"

local options = recipe({
  summary = "start, stop or restart the server of the current release",
  hosts = "production",
  columns = { "release", "revision" }, -- first in the last table, and shown by runbook log
  options = common.some({
    "root", "wsgi", "processes", "threads", "port", "server_root", "mod_wsgi_express", "health", "health_status",
    "health_host", "health_within", "request_seconds", "at_once", "batch", "max_failures",
  }, {
    action = { "graceful", "the action; changed settings in app.lua take effect",
      choices = { "start", "stop", "restart", "graceful" } },
  }),
})

-- In the library the action is the option restart. A function in app.lua can only restart.
local settings = setmetatable({
  restart = type(common.app.restart) == "function" and "" or options.action,
}, { __index = function(_, name) return options[name] end })

-- By host name: the current release, and whether an earlier run left the host out of service.
local current, drained = {}, {}

local function check(host)
  local paths = releases.paths(options)
  local facts = preflight.facts(host, options, "")
  local wrong = preflight.root(facts, paths)
  local interpreter = paths.current .. "/venv/bin/python"
  if facts.foreign then -- nothing is safe to run there
    return { wrong }
  end
  local unready, locked, found = preflight.occupy(host, paths, facts,
    { url = health.url(settings), python = interpreter, wrong = wrong })
  if #unready > 0 then
    return preflight.list(wrong, unpack(unready))
  end
  local release = found.by_name[found.name or ""]
  current[host.name], drained[host.name] = release, releases.is_out(found)
  return preflight.list(
    locked,
    not release and { "no release is current", "release first: runbook run recipes/release.lua" } or nil,
    server.reach_problem(host, settings, facts, {}),
    release and server.problem(host, settings, release.name, true) or nil,
    server.refuse(host, settings, options.action),
    unpack(preflight.own(host)))
end

local function act(host)
  local marker = current[host.name].marker
  local release = releases.new(settings, "restart", {
    name = current[host.name].name, revision = marker.revision or "", interpreter = marker.python,
  })
  release.server = server.look(host, settings)
  local runs = release.server.running
  host:on_failure(function() rollout.warn_out(host) end)
  if options.action ~= "start" or not runs or drained[host.name] then
    rollout.drain(host, release)
  end
  if options.action == "stop" then
    server.stop(host, settings, release.server)
    host:result({ release = release.name, state = runs and "stopped" or "was stopped already" })
    rollout.warn_out(host)
    return
  elseif options.action == "start" and runs then
    host:result({ release = release.name, state = "was running already" }, { tone = "good" })
  else
    server.restart(host, release)
    host:result({ release = release.name, state = runs and "restarted" or "started" }, { tone = "good" })
  end
  health.check(host, release)
  rollout.put_back(host, release)
end

local servers = rollout.servers()
preflight.validate_server(settings)
rollout.validate_batch(options, #servers)
step("preflight", { required = true }, function() preflight.refuse(servers, options.at_once, check) end)
rollout.in_batches(servers, options, act)
