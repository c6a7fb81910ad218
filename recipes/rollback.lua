-- Puts an earlier release back, with the same steps as release.lua. It deletes nothing.

local common = require "options"
local health = require "health"
local rollout = require "rollout"
local server = require "server"

local options = recipe({
  summary = "put an earlier release back",
  hosts = "production",
  columns = { "release", "revision" }, -- first in the last table, and shown by runbook log
  options = common.some({
    "root", "wsgi", "processes", "threads", "port", "server_root", "mod_wsgi_express", "restart", "health",
    "health_status", "health_host", "health_within", "request_seconds", "at_once", "batch", "max_failures",
  }, {
    release = { "", "the name or path of a release; default the one that was current before",
      complete = { "release", "previous" } },
  }),
})

-- Checks every host, and that all of them go back to the same release.
rollout.preflight("rollback", options)

rollout.run(function(host, release)
  rollout.drain(host, release) -- out of the load balancer's service
  rollout.switch(host, release) -- ROOT/current points to the release
  server.restart(host, release)
  health.check(host, release)
  rollout.after_switch(host, release)
  rollout.restore(host, release) -- back into service
end)
