-- Releases a branch. These are the steps in their order: change the order, leave one out, or add
-- one of your own between them. Each word before a dot is a built-in module that says how the step
-- is done: runbook init --eject copies one to lib/ to change it. recipes/app.lua has the settings.

local git = require "git"
local health = require "health"
local python = require "python"
local releases = require "releases"
local rollout = require "rollout"
local server = require "server"

local options = recipe({
  summary = "release a branch: build it on every host, then switch one host after the other",
  hosts = "production",
  columns = { "release", "revision" }, -- first in the last table, and shown by runbook log
  options = rollout.options({
    release = { "", "the name of the release; default the time in UTC, as YYYYMMDD-HHMMSS",
      complete = { "release", "previous" } },
    revision = { "", "the commit to release, all hex digits of its hash; default the head of the branch" },
    serial = { false, "build and switch each host before the next, instead of building on all hosts first" },
    prepare_only = { false, "build on all hosts and stop; the same --release and --revision later only switch" },
  }),
})

-- Checks every host and the commit. Where anything is wrong the run ends here, and nothing was
-- changed.
rollout.preflight("release", options)

-- Builds ROOT/releases/NAME on every host, several at the same time (at_once). Nothing is switched
-- yet.
rollout.prepare(function(host, release)
  git.clone(host, release)
  python.virtualenv(host, release)
  python.install(host, release) -- the requirements
  releases.link_shared(host, release) -- the shared files
  python.import(host, release) -- the application must be importable
  rollout.complete(host, release)
end)

-- Calls before_switch in app.lua, such as the migrations of a database.
rollout.before_switch()

-- Switches one host after the other, or a batch. If a step fails, the host goes back to what it
-- served, and the run ends.
rollout.run(function(host, release)
  rollout.drain(host, release) -- out of the load balancer's service
  rollout.switch(host, release) -- ROOT/current points to the release
  server.restart(host, release)
  health.check(host, release)
  rollout.after_switch(host, release)
  rollout.restore(host, release) -- back into service
  rollout.prune(host, release) -- delete old releases
end)
