-- Releases a branch: on every host a clone, a virtualenv and its requirements in ROOT/releases/NAME, then ROOT/current
-- switched to it, mod_wsgi-express restarted, and old releases removed. Behind a load balancer each host is out of service
-- meanwhile. What is particular to the application stands in app.lua; each step is in a file of its own under lib/.

local activate = require "activate"
local batches = require "batches"
local build = require "build"
local commit = require "commit"
local hooks = require "hooks"
local keys = require "keys"
local layout = require "layout"
local leftovers = require "leftovers"
local common = require "options"
local pool = require "pool"
local preflight = require "preflight"
local problems = require "problems"
local releases = require "releases"
local venv = require "venv"

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
  revision = options.revision ~= "" and options.revision or nil, -- nil until preflight
  of_branch = options.revision == "", -- then each clone makes sure that the branch has it
}

local servers = pool.servers(hosts)

-- With --agent host, too, everything is done host by host: the agent is started where one server's update begins and stopped
-- where it ends, and no key lies open on one host while another is being updated.
local serial = options.serial or options.agent == "host"

-- What preflight finds, by host: what an earlier run left under the release's name, and elsewhere; whether the root folder is to
-- be made; the commit that the branch stands for; and the release that is current.
local before, left, rootless, heads, serving = {}, {}, {}, {}, {}

local function check(host)
  local paths = layout.of(options)
  local known = preflight.facts(host, paths, options.python, options.server_root, true)
  local wrong = preflight.lock(host, paths, known, preflight.root(known, paths))
  if known.foreign then -- nothing there may be run
    return { wrong }
  end
  local found, no_git, access = releases.look(host, paths), preflight.git(known), nil
  if not no_git then
    access, heads[host.name] = preflight.git_access(host, options, release.revision)
  end
  found.holder = nil -- this run
  local existing = found.by_name[release.name]
  if existing and existing.lacks then
    existing.complete = false -- what was complete once is made again
  end
  left[host.name] = leftovers.list(paths, found)
  serving[host.name] = found.name
  before[host.name], rootless[host.name] = found.by_name[release.name], not known.root
  return problems.list(
    wrong,
    preflight.current(found),
    preflight.python(known, options.python),
    venv.problem(host, options),
    no_git,
    access,
    preflight.disk(known),
    preflight.name(found, release.name),
    activate.problem(host, options, release.name, before[host.name] ~= nil and before[host.name].complete))
end

local function prepare(host)
  leftovers.remove(host, left[host.name])
  build.prepare(host, options, release, before[host.name])
  host:result({ state = "prepared" })
end

local function switch(host)
  -- From here on there is something to go back from.
  resume({ release = release.name, revision = release.revision }, activate.way_back(servers, serving))
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
batches.stated(options, #servers, serial)
-- Before any host is contacted. One answer counts for all of them, so that a push meanwhile changes nothing.
local why, problem
if release.revision then
  log.info("--revision: each clone is checked to be of that commit; whether " .. options.branch .. " has it is not asked")
else
  release.revision, why, problem = commit.resolve(options)
end
commit.verify(options, release.revision, why)
step("preflight", function()
  problems.refuse(servers, preflight.at_once(options), check)
  if problem then
    fail(unpack(problem))
  end
  release.revision = release.revision or commit.agree(servers, heads, why)
  preflight.same_revision(before, release)
end)
resume({ release = release.name, revision = release.revision })
preflight.make_roots(servers, rootless, options)

local function condemn()
  activate.condemn(servers, options, release)
end

local failures
if serial then
  failures = batches.run(servers, options, function(host)
    keys.for_update(host, options, function()
      prepare(host)
      hooks.before_on(host, servers[1], options, release)
      switch(host)
    end)
  end, condemn)
else
  each(servers, { at_once = options.at_once }, prepare)
  -- Before the first switch: where this fails, everything stays as it was.
  hooks.before(servers, options, release)
  failures = batches.run(servers, options, switch, condemn)
end
hooks.after(servers, options, release, "release", failures)
