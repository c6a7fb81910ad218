-- Releases a branch: on every host a clone, a virtualenv and its requirements in ROOT/releases/NAME, then ROOT/current
-- switched to it, mod_wsgi-express restarted, and old releases removed. What is particular to the application stands
-- in app.lua; each step is in a file of its own under lib/.

local activate = require "activate"
local build = require "build"
local keys = require "keys"
local layout = require "layout"
local common = require "options"
local preflight = require "preflight"
local problems = require "problems"
local releases = require "releases"

local options = recipe({
  summary = "release a branch: build it on every host, then switch one host after the other",
  hosts = "production",
  options = common.all({
    release = { "", "the release's name; default the time in UTC, as YYYYMMDD-HHMMSS" },
    revision = { "", "exactly this commit, 40 hex digits; default the head of the branch" },
    serial = { false, "do everything host by host, instead of preparing all hosts before the first is switched" },
  }),
})

-- One name and one commit for all hosts.
local release = {
  name = options.release ~= "" and options.release or clock.utc("%Y%m%d-%H%M%S"),
  revision = options.revision ~= "" and options.revision or nil, -- nil until resolve
}

-- What preflight finds under the release's name, by host: nothing, or what an earlier run left.
local before = {}

local function check(host)
  local paths = layout.of(options)
  local known, found = preflight.facts(host, paths, options.python), releases.look(host, paths)
  before[host.name] = found.by_name[release.name]
  return problems.list(
    preflight.root(known, paths),
    preflight.current(found),
    preflight.python(known, options.python),
    preflight.git(known),
    preflight.disk(known),
    preflight.name(found, release.name),
    activate.problem(host, options, release.name))
end

-- The first host that asks gets the answer for all of them, so that a push meanwhile changes nothing.
local function resolve(host)
  if not release.revision then
    step("resolve " .. options.branch, function()
      keys.for_git(options, function()
        release.revision = host.git:resolve(options.repo, options.branch)
      end)
    end)
  end
  preflight.same_revision(before, release)
end

local function prepare(host)
  build.prepare(host, options, release, before[host.name])
  host:result({ state = "prepared" })
end

local function switch(host)
  local target = { name = release.name, revision = release.revision, python = options.python }
  local previous = activate.release(host, options, target, "release")
  host:result({
    release = release.name, revision = release.revision:sub(1, 10), previous = previous, state = "released",
  })
  step("prune", function()
    releases.prune(host, layout.of(options), options.keep, release.name, previous)
  end)
end

preflight.stated(options, release)
local new = step("lock", function() return preflight.lock(hosts, options) end)
step("preflight", function() problems.refuse(hosts, options, check) end)
preflight.make_roots(new, options)

if options.serial or options.agent == "host" then
  -- With --agent host, too: the agent is started where one server's update begins and stopped where it ends, and no
  -- key lies open on one host while another is being updated.
  each(hosts, function(host)
    keys.for_update(host, options, function()
      resolve(host)
      prepare(host)
      switch(host)
    end)
  end)
else
  each({ hosts[1] }, resolve)
  each(hosts, { at_once = options.at_once }, prepare)
  each(hosts, switch)
end
