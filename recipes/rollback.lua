-- Puts an earlier release back: ROOT/current is switched to it and mod_wsgi-express restarted, by the same activate as
-- in release.lua. All hosts are checked before the first is switched. Nothing is removed.

local activate = require "activate"
local batches = require "batches"
local choose = require "choose"
local common = require "options"
local hooks = require "hooks"
local layout = require "layout"
local pool = require "pool"
local preflight = require "preflight"
local problems = require "problems"

local options = recipe({
  summary = "put an earlier release back",
  hosts = "production",
  options = common.some({
    "root", "wsgi", "processes", "threads", "port", "server_root", "mod_wsgi_express", "restart", "health",
    "health_status", "health_host", "health_within", "request_seconds", "at_once", "batch", "max_failures",
  }, {
    release = { "", "a release's name or path; default the one that was current before the present one" },
  }),
})

-- What each host is to go back to and what is current there, by the host's name.
local targets, serving = {}, {}

local function check(host)
  local paths = layout.of(options)
  local known = preflight.facts(host, paths, "", options.server_root)
  local wrong = preflight.root(known, paths)
  local locked = preflight.lock(host, paths, known, wrong)
  if wrong then
    return { wrong }
  end
  local target, problem = choose.target(host, options)
  targets[host.name], serving[host.name] = target, target and target.from
  return problems.list(locked, problem, target and activate.problem(host, options, target.name, true) or nil)
end

local function switch(host)
  local target = targets[host.name]
  local row = { release = target.name, revision = target.revision:sub(1, 10), previous = target.from }
  if target.done then
    log.info(target.name .. " is current already; nothing to do")
    row.state = "was current already"
  else
    if target.unserved then
      log.info(target.name .. " is current already, but the server does not serve it: it is started or restarted")
    end
    row.previous, row.state = activate.release(host, options, target, "rollback"), "rolled back"
  end
  host:result(row)
end

local servers = pool.servers(hosts)
preflight.served(options)
batches.stated(options, #servers, false)
local common_target
step("preflight", function()
  problems.refuse(servers, options.at_once, check)
  common_target = choose.agree(servers, targets)
end)
if common_target then
  resume({ release = common_target }, activate.way_back(servers, serving))
end
local failures = batches.run(servers, options, switch, function()
  activate.condemn(servers, options, targets[servers[1].name])
end)
hooks.after(servers, options, targets[servers[1].name], "rollback", failures)
