-- The frame of a release, a rollback and a restart: preflight, building everywhere, then switching
-- batch after batch. A host where a step fails goes back to what it served, and no further batch
-- begins. The steps between are in the recipe.

local app = require("options").app
local git = require "git"
local health = require "health"
local helpers = require "helpers"
local common = require "options"
local preflight = require "preflight"
local python = require "python"
local releases = require "releases"
local server = require "server"

local history = releases.history

-- What preflight found out for this run. Tables are by host name.
local run = {
  action = "", options = nil, servers = {}, name = "", revision = nil,
  targets = {},  -- the release that each host is switched to: name, revision, interpreter, and for a rollback more
  previous = {}, -- the name of the release that is current
  existing = {}, -- the release that already has the new name
  current = {},  -- the release that is current; one without a commit is { name, marker = {} }
  leftovers = {}, rootless = {}, heads = {}, cleared = {},
  returns = {}, -- why the target of a rollback is doubtful, see releases.returns
  needs = {},    -- what the commit needs from other servers
  asks = {},     -- whether the host will ask these servers
}

-- later has functions of the recipe that run later, in a table of its own: so runbook check follows
-- them.
local later = {}

-- Releases of this run by host name, see releases.new; and the hosts that serve the new release, or
-- went back from it.
local records, served, restored = {}, {}, {}

-- record returns the release of this run on a host. Call it inside each: paths may differ between
-- hosts.
local function record(host)
  local target = run.targets[host.name] or run.targets.all
  if not records[host.name] then
    records[host.name] = releases.new(run.options, run.action, target)
    records[host.name].of_branch = target.of_branch -- then the clone verifies that the branch contains the commit
    records[host.name].cleared = run.cleared[host.name]
    records[host.name].needs = run.needs[host.name]
  end
  return records[host.name]
end

-- Hosts

-- servers returns the hosts that get releases, in order.
local function servers()
  local list = {}
  for _, host in ipairs(hosts) do
    list[#list + 1] = not helpers.is_balancer(host) and host or nil
  end
  if #list == 0 and #skipped > 0 then
    fail("no server of this run can be reached", "--skip-unreachable needs at least one")
  elseif #list == 0 and #hosts > 0 then
    fail("all hosts of this run are load balancers (tag:balancer)", "--only must name a server as well")
  end
  return list
end

-- Batches

-- batch_size returns how many of count hosts make a batch: 3 is three, "25%" a quarter of them,
-- rounded down, but at least one.
local function batch_size(batch, count)
  local percent = type(batch) == "string" and batch:match("^(%d+)%%$")
  return percent and math.max(1, math.floor(count * percent / 100)) or batch
end

-- is_serial reports whether each host is built and switched before the next. --agent host needs it:
-- a key is open on one host at a time.
local function is_serial(options)
  return run.action == "release" and (options.serial or options.agent == "host")
end

-- is_prepare_only reports whether the run ends before anything is switched.
local function is_prepare_only()
  return run.action == "release" and run.options.prepare_only
end

-- validate_batch fails where --batch needs all hosts to be prepared first, and they are not.
local function validate_batch(options, count)
  if batch_size(options.batch, count) > 1 and is_serial(options) then
    fail("--batch " .. options.batch ..
      " wants all hosts to be prepared first, which --serial and --agent host don't do",
      "leave --batch out, or the other")
  end
end

-- in_batches calls fn for all hosts, batch by batch, and returns how many failed. Once more than
-- max_failures have failed, it calls stop and raises the failure instead of beginning the next
-- batch.
local function in_batches(list, options, fn, stop)
  local waiting, failures = { unpack(list) }, 0
  while #waiting > 0 do
    local batch, rest, begun, done = {}, {}, {}, {}
    for i, host in ipairs(waiting) do
      table.insert(i <= batch_size(options.batch, #list) and batch or rest, host)
    end
    local ok, problem = pcall(each, batch, { at_once = #batch }, function(host)
      begun[host.name] = true
      fn(host)
      done[host.name] = true
    end)
    local failed = 0
    for i = #batch, 1, -1 do
      local name = batch[i].name
      failed = failed + (begun[name] and not done[name] and 1 or 0)
      if not begun[name] then
        table.insert(rest, 1, batch[i]) -- another host failed before its turn
      end
    end
    failures, waiting = failures + failed, rest
    if not ok and (failed == 0 or failures > options.max_failures) then
      if stop then
        stop()
      end
      error(problem, 0)
    end
  end
  return failures
end

-- Load balancer

-- out has the hosts that this run took out of service.
local out = {}

-- drain takes a host out of service with drain in app.lua. When it returns, no request is in flight
-- there.
local function drain(host, release)
  if app.drain then
    step("drain", function()
      -- A mark that exists already shows that a run was killed while the host was out.
      local left = host.fs:exists(release.paths.drained)
      host.fs:write(release.paths.drained, "this host is out of the load balancer's service while it is changed\n")
      out[host.name] = true
      app.drain(host, left)
    end)
  end
end

-- put_back puts a host that drain took out back into service.
local function put_back(host, release)
  if out[host.name] then
    step("put back into service", { required = true }, function()
      app.restore(host)
      host.fs:remove(release.paths.drained)
      out[host.name] = nil
    end)
  end
end

-- warn_out warns where a host that does not work remains out of service.
local function warn_out(host)
  if out[host.name] then
    log.warn("it remains out of the load balancer's service until a release, or recipes/restart.lua, succeeds")
  end
end

-- Functions of app.lua: before_switch and after_switch

-- call_hook calls a function(host, release) of app.lua for every host, or its part each or once,
-- where that exists.
local function call_hook(name, which, host, release)
  local hook = app[name]
  local fn = type(hook) == "function" and which == "each" and hook or type(hook) == "table" and hook[which]
  if fn then
    -- The titles are literals, so that --skip before_switch is known before the run.
    step(name == "before_switch" and (which == "once" and "before_switch, once for all hosts" or "before_switch")
      or which == "once" and "after_switch, once for all hosts" or "after_switch", function() fn(host, release) end)
  end
end

-- before_switch_on calls before_switch of app.lua for one host, and its part once for the first
-- host.
local function before_switch_on(host, first, release)
  if app.before_switch then
    local done = false
    host:on_failure(function()
      if not done then
        host:result({ state = "not switched" }, { tone = "busy" })
      end
    end)
    if host.name == first.name then
      call_hook("before_switch", "once", host, release)
    end
    call_hook("before_switch", "each", host, release)
    done = true
  end
end

-- before_switch calls before_switch of app.lua for all hosts in order. Where it fails, nothing is
-- switched.
local function before_switch()
  if is_prepare_only() then
    return
  elseif is_serial(run.options) then
    run.before_switch = true -- then each host calls it before its own switch
  elseif app.before_switch then
    each(run.servers, function(host) before_switch_on(host, run.servers[1], record(host)) end)
  end
end

-- after_switch calls after_switch of app.lua for one host, which serves the release but is not yet
-- back in service.
local function after_switch(host, release)
  call_hook("after_switch", "each", host, release)
end

-- after_switch_once calls the part once of after_switch in app.lua, when all hosts serve the
-- release.
local function after_switch_once(host, release)
  call_hook("after_switch", "once", host, release)
end

-- Preflight

-- balancers returns the pattern for the load balancers of the run, for resume, or nil without any.
local function balancers()
  return #servers() < #hosts and { "tag:balancer" } or nil
end

-- undo returns what undoes this run, for resume: a rollback to the release that was current on all
-- servers, or nothing where hosts differ or have none.
local function undo()
  local name = run.previous[run.servers[1].name]
  for _, host in ipairs(run.servers) do
    name = run.previous[host.name] == name and name or nil
  end
  local known = name and name ~= ""
  return { undo = known and "rollback.lua" or nil, with = known and { release = name } or nil, also = balancers() }
end

-- current_of returns the current release of a host, nil without one. An incomplete release has no
-- commit.
local function current_of(found)
  local release = found.by_name[found.name or ""]
  return release and release.complete and release or found.name and { name = found.name, marker = {} } or nil
end

-- check_needs returns the problems of a host with what the commit needs from other servers.
local function check_needs(host)
  local options, revision = run.options, run.revision or run.heads[host.name]
  local found = run.asks[host.name]
    and (run.needs.all or git.needs(host, options, revision, releases.paths(options).mirror))
  run.needs[host.name] = found or nil
  if not found then
    return {}
  end
  local problem, problems = preflight.catch(host, git.needs_problems, host, options, found, preflight.catch)
  return problem and { problem } or problems
end

-- check_host returns the problems of a host with a release, except for those of the repository. It
-- also returns whether the host has git, and whether it has the release already.
local function check_host(host)
  local options, paths = run.options, releases.paths(run.options)
  local facts = preflight.facts(host, options, options.python, true)
  local wrong = preflight.root(facts, paths)
  if facts.foreign then -- nothing is safe to run there
    return { wrong }, false
  end
  local unready, locked, found = preflight.occupy(host, paths, facts,
    { url = health.url(options), python = options.python, wrong = wrong })
  if #unready > 0 then
    return preflight.list(wrong, unpack(unready)), false
  end
  local no_git = git.missing(facts)
  found.holder = nil -- this run
  local existing = found.by_name[run.name]
  if existing and existing.lacks then
    existing.complete = false -- a release that lost something is built again
  end
  local complete = existing ~= nil and existing.complete
  run.leftovers[host.name], run.previous[host.name] = releases.leftovers(paths, found), found.name
  run.current[host.name] = current_of(found)
  run.existing[host.name], run.rootless[host.name] = existing, not facts.root and facts or nil
  run.cleared[host.name] = facts.cleared
  local unreadable, unservable
  parallel({
    function() unreadable = server.reach_problem(host, options, facts, {}) end,
    function() unservable = server.problem(host, options, run.name, complete) end,
  })
  return preflight.list(
    locked,
    preflight.current(found),
    preflight.python(facts, options.python, options.venv),
    python.problem(host, options),
    no_git,
    preflight.disk(facts),
    preflight.name(found, run.name),
    unreadable,
    unservable,
    unpack(preflight.own(host))), not no_git, complete
end

-- check_release returns the problems of a host with a release. The login at the git server takes
-- several round trips, so it runs while the host is checked.
local function check_release(host)
  local problems, has_git, complete, denied
  parallel({
    function() problems, has_git, complete = check_host(host) end,
    function()
      denied, run.heads[host.name] = preflight.catch(host, git.access, host, run.options, run.revision)
    end,
  })
  if has_git and denied then
    problems[#problems + 1] = denied
  end
  run.asks[host.name] = has_git and not denied and not complete
  return problems
end

-- preflight_release resolves and verifies the commit, then checks all hosts.
local function preflight_release()
  local options = run.options
  local why, problem
  run.name = options.release ~= "" and options.release or clock.utc("%Y%m%d-%H%M%S")
  run.revision = options.revision ~= "" and options.revision or nil
  preflight.validate(options, run)
  validate_batch(options, #run.servers)
  git.validate(options)
  -- One answer counts for all hosts, so a push in the meantime changes nothing.
  run.revision, why, problem = git.resolve(options)
  git.verify(options, run.revision, why)
  step("preflight", { required = true }, function()
    preflight.refuse(run.servers, preflight.at_once(options), check_release, {
      meanwhile = function() run.needs.all = run.revision and git.needs(localhost, options, run.revision) end,
      check = check_needs,
    })
    if problem then
      fail(unpack(problem))
    end
    run.revision = run.revision or git.agree(run.servers, run.heads, why)
    preflight.check_revision(run.existing, run)
  end)
  run.targets.all = { name = run.name, revision = run.revision, interpreter = options.python,
    of_branch = options.revision == "" }
  resume({ release = run.name, revision = run.revision }, { also = balancers() })
  preflight.make_roots(run.servers, run.rootless, options)
end

-- check_rollback returns the problems of a host with a rollback.
local function check_rollback(host)
  local options, paths = run.options, releases.paths(run.options)
  local facts = preflight.facts(host, options, "")
  local wrong = preflight.root(facts, paths)
  local interpreter = paths.current .. "/venv/bin/python"
  if wrong then
    return { wrong }
  end
  local unready, locked, found = preflight.occupy(host, paths, facts,
    { url = health.url(options), python = interpreter, wsgi = server.script(options) })
  if #unready > 0 then
    return unready
  end
  local release, problem = releases.choose(paths, found, options.release)
  run.previous[host.name], run.current[host.name] = found.name or "", current_of(found)
  if release then
    local name = release.name
    local current = found.name == name and history.finished(found.entries, name)
    local serves = current and server.serves(host, options, releases.dir(paths, name))
    run.targets[host.name] = {
      name = name, revision = release.marker.revision, interpreter = release.marker.python, foreign = release.foreign,
      done = current and serves and not releases.is_out(found), -- nothing to do
      stopped = current and not serves, -- only the server is missing
    }
    problem = server.reach_problem(host, options, facts, { releases.dir(paths, name) })
      or server.problem(host, options, name, true)
    if not problem and not release.foreign then
      local failed, why = preflight.catch(host, python.broken, host, options, releases.dir(paths, name), facts.cleared)
      problem = failed or why and releases.unfit(name, why)
    end
    run.returns[host.name] = releases.returns(found, release)
  end
  return preflight.list(locked, problem, unpack(preflight.own(host)))
end

-- agree_target fails unless all hosts go to the same release at the same revision, or each to a
-- release of another tool, which may have another name on each host. It returns the name of the
-- common release, or nil.
local function agree_target()
  local first, lines = run.targets[run.servers[1].name], {}
  local same, foreign = true, true
  for _, host in ipairs(run.servers) do
    local target = run.targets[host.name]
    same = same and target.name == first.name and target.revision == first.revision
    foreign = foreign and target.foreign
    lines[#lines + 1] = host.name .. ": " .. target.name ..
      (target.foreign and "" or " (" .. target.revision:sub(1, 10) .. ")")
  end
  if same then
    return first.name
  elseif foreign then
    return nil
  end
  for _, host in ipairs(run.servers) do
    host:result({ state = "refused" })
  end
  fail("the hosts would not go back to the same release:\n  " .. table.concat(lines, "\n  "),
    "name the release with --release, or one host after the other with --only")
end

-- confirm_return warns before a rollback makes a release current that failed, or that an earlier
-- rollback has left: most likely it does not work. Without --release it also asks, if there is a
-- terminal.
local function confirm_return()
  for _, host in ipairs(run.servers) do
    local why, target = run.returns[host.name], run.targets[host.name]
    if why and not target.done then
      log.warn(target.name .. " " .. why .. "; this run makes it current again")
      if run.options.release == "" then
        confirm("make " .. target.name .. " current again?", { unattended = true })
      end
      return
    end
  end
end

-- preflight_rollback checks all hosts, and that they go back to the same release.
local function preflight_rollback()
  local options, name = run.options, nil
  preflight.validate_server(options)
  validate_batch(options, #run.servers)
  step("preflight", { required = true }, function()
    preflight.refuse(run.servers, options.at_once, check_rollback)
    name = agree_target()
  end)
  confirm_return()
  if name then
    resume({ release = name }, undo())
  end
end

-- Plan of a dry run

-- compared caches what lies between two commits, or why that is not known, by both commits. The
-- first host with these commits finds out for all.
local compared = {}

-- commits returns the commits of the current release of a host and of the one that it gets, or nil
-- where one is not known.
local function commits(host)
  local current, target = run.current[host.name], run.targets[host.name] or run.targets.all
  local from, to = current and current.marker.revision or "", target.revision or ""
  return from ~= "" and to ~= "" and from .. " " .. to or nil
end

-- compare_all finds out what lies between the commits of all hosts.
local function compare_all(list)
  local firsts, seen = {}, {}
  for _, host in ipairs(list) do
    local both = commits(host)
    if both and not seen[both] then
      seen[both] = true
      firsts[#firsts + 1] = host
    end
  end
  local at_once = run.action == "release" and preflight.at_once(run.options) or run.options.at_once
  each(firsts, { at_once = at_once }, function(host)
    local problem, between = preflight.catch(host, git.compare, host, record(host), run.current[host.name].marker.revision)
    compared[commits(host)] = { between = between, problem = problem and problem[1] }
  end)
end

-- format_release returns a release with its commit.
local function format_release(name, revision)
  return name .. ((revision or "") ~= "" and " (" .. revision:sub(1, 10) .. ")" or "")
end

-- plan_host states which release a host gets and what that changes.
local function plan_host(host)
  local release, current = record(host), run.current[host.name]
  local target, existing = run.targets[host.name] or {}, run.existing[host.name]
  local goes_to = format_release(release.name, release.revision) ..
    (existing and existing.complete and ", which is built already" or "")
  if target.done or target.stopped then
    host:plan("release", function()
      return goes_to .. " is current already" .. (target.done and "; nothing to do" or ", and the server does not serve it")
    end)
    return
  elseif not current then
    host:plan("release", function() return goes_to .. ", the first release" end)
    return
  end
  local found = compared[commits(host) or ""] or { problem = "the commit of " .. current.name .. " is not known" }
  local between = found.between
  local far, warning = git.relation(release, between)
  host:plan("release", function()
    return { text = format_release(current.name, current.marker.revision) .. " → " .. goes_to .. far, warning = warning }
  end)
  git.plan(host, release, between, found.problem)
  python.plan_requirements(host, between and between.texts or {})
  if run.action == "release" then
    host:plan("settings", function()
      local recorded = releases.settings(current)
      local rows = common.changes(recorded, common.record(release.options, python.redact_url))
      return #rows > 0 and { rows = rows } or nil
    end)
  end
end

-- begin runs the preflight of an action, "release" or "rollback". It fails before anything is
-- changed, with the problems of all hosts.
local function begin(action, options)
  run.action, run.options, run.servers = action, options, servers()
  if action == "release" then
    preflight_release()
  else
    preflight_rollback()
  end
  if dry_run then
    compare_all(run.servers)
    each(run.servers, { at_once = options.at_once }, plan_host)
  end
end

-- Building

-- prepare_on builds the release on one host with fn, unless it exists there already.
local function prepare_on(host, fn)
  local release, existing = record(host), run.existing[host.name]
  releases.remove_leftovers(host, run.leftovers[host.name])
  if existing and existing.complete then
    log.info("release " .. release.name .. " is already complete on this host")
    release.complete = true
    python.import(host, release)
  else
    release.began = clock.now()
    releases.discard_on_failure(host, release.dir, ".runbook.json")
    if existing then
      step("remove what was left of " .. release.name, { required = true }, function()
        host.fs:remove(release.dir, { recursive = true })
      end)
    end
    fn(host, release)
  end
  host:result({ state = "prepared" }, { tone = "busy" })
end

-- prepare calls fn(host, release) to build the release on all hosts, at_once at a time. Where it
-- fails, nothing is switched. With --serial or --agent host it runs for each host before its own
-- switch.
local function prepare(fn)
  later.prepare = fn
  local groups = python.begin(run.options, run.servers, record)
  for _, group in ipairs(is_serial(run.options) and {} or groups) do
    each(group, { at_once = run.options.at_once }, function(host) prepare_on(host, fn) end)
  end
end

-- complete verifies what was built and writes .runbook.json last: nothing switches to a release
-- without it. It fails where --skip or --step left out a step of the build.
local function complete(host, release)
  local options = release.options
  step("verify", { required = true, whole = true }, function()
    local repo, branch = git.origin(host, options)
    local checksum, missing
    parallel({
      function() checksum = python.verify(host, release) end,
      -- In a dry run nothing was built.
      function() missing = server.problem(host, options, release.name, not dry_run) end,
      -- The file that the checksum is of.
      function() host.fs:write(release.dir .. "/" .. releases.REQUIREMENTS, common.requirements(options)) end,
    })
    if missing then
      fail(unpack(missing))
    end
    releases.share(host, { release.dir, release.venv })
    host.fs:write(release.dir .. "/.runbook.json", json.encode({
      release = release.name,
      revision = release.revision,
      branch = branch,
      repo = repo,
      by = history.me(),
      at = clock.utc("%Y-%m-%dT%H:%M:%SZ"),
      python = options.python,
      requirements_sha256 = checksum,
      settings = common.record(options, python.redact_url), -- for the plan of the next dry run
      seconds = math.floor((clock.now() - release.began) * 10 + 0.5) / 10,
    }) .. "\n")
    release.complete = true
  end)
end

-- Switching

-- find_before returns the path that current points to, or nil. Where current points to the new
-- release already, a run was killed after the switch. Then it returns the last release in the log:
-- that one serves, or did.
local function find_before(host, release)
  local before, entries = releases.current(host, release.paths)
  release.entries = entries
  if before ~= release.dir then
    return before
  end
  local found = releases.look(host, release.paths)
  local last = history.last(found.entries)
  local logged = last and found.by_name[last.release]
  return logged and logged.complete and releases.dir(release.paths, logged.name) or before
end

-- title_of returns the name of the release at a path, or "" for nil.
local function title_of(release, path)
  return path and releases.title(release.paths, path) or ""
end

-- log_foreign logs a release of another tool before current points elsewhere: from then on only the
-- log knows it.
local function log_foreign(host, release)
  local paths, name = release.paths, release.previous
  local last = history.last(release.entries)
  if releases.is_foreign(paths, name) and not (last and last.release == name) then
    history.append(host, paths, { action = "restore", release = name })
  end
end

-- switch points ROOT/current to the release, by one rename.
local function switch(host, release)
  if run.action == "release" and not release.complete then
    fail("release " .. release.name .. " is not complete",
      "rollout.complete(host, release) must be the last step of rollout.prepare")
  end
  release.switched = true
  log_foreign(host, release)
  host.fs:symlink(release.dir, release.paths.current)
end

-- DONE is the state in the table of a host that was switched.
local DONE = { release = "released", rollback = "rolled back" }

-- show_done shows that a host serves the release.
local function show_done(host, release)
  host:result({
    release = release.name, revision = release.revision:sub(1, 10), previous = release.previous,
    state = DONE[release.action],
  }, { tone = "good" })
end

-- write_log logs the switch once. append is history.append or history.try_append.
local function write_log(host, release, append)
  if not release.logged then
    append(host, release.paths, {
      action = release.action, release = release.name, revision = release.revision, from = release.previous,
    })
    release.logged = true
  end
end

-- confirm ends a switch that succeeded: from here on the host does not go back.
local function confirm(host, release)
  if not release.done then
    release.done, served[host.name] = true, true
    write_log(host, release, history.append)
    show_done(host, release)
  end
end

-- restore confirms the switch and puts the host back into service.
local function restore(host, release)
  confirm(host, release)
  put_back(host, release)
end

-- earlier_release returns the release at the path release.before, which the host goes back to, or
-- nil without one.
local function earlier_release(host, release)
  if not release.before then
    return nil
  end
  local name = title_of(release, release.before)
  local found = releases.look(host, release.paths).by_name[name]
  local earlier = releases.new(release.options, "rollback",
    { name = name, revision = found and found.marker.revision or "" })
  earlier.dir, earlier.python, earlier.server = release.before, release.before .. "/venv/bin/python", release.server
  return earlier
end

-- go_back restores what a host served before the release that failed. It returns whether the host
-- serves it.
local function go_back(host, release)
  local paths, before = release.paths, release.before
  if releases.current(host, paths) ~= release.dir then
    host:result({ state = "not switched" }, { tone = "busy" })
    return true
  elseif before == release.dir then
    return false -- nothing to go back to
  end
  local earlier = earlier_release(host, release)
  local name, revision = title_of(release, before), earlier and earlier.revision or ""
  step("go back to " .. (earlier and name or "no release"), { required = true }, function()
    if earlier then
      host.fs:symlink(before, paths.current)
    else
      host.fs:remove(paths.current)
    end
    history.try_append(host, paths, { action = "restore", release = name, revision = revision, from = release.name })
    restored[host.name] = true
    host:result({ release = name, revision = revision:sub(1, 10), state = "restored, not restarted" },
      { tone = "busy" })
    server.serve_again(host, release.options, release.server, earlier)
    if earlier then
      health.check(host, earlier)
    end
    host:result({ state = "restored" }, { tone = "busy" })
  end)
  return earlier ~= nil
end

-- recover runs when a host fails or is interrupted. Before the switch nothing changed, after
-- confirm the switch remains, and in between the host goes back.
local function recover(host, release)
  if not release.switched then
    host:result({ state = "not switched" }, { tone = "busy" })
    put_back(host, release)
  elseif not release.done then
    if go_back(host, release) then
      put_back(host, release)
    end
  else
    show_done(host, release)
    write_log(host, release, history.try_append)
    put_back(host, release)
  end
end

-- mark_failed runs after a host went back. It logs the failed release on the other hosts that have
-- it but were not switched. So the release counts as failed on all of them: for the next rollback,
-- for --keep and in status.
local function mark_failed()
  local rest = {}
  for _, host in ipairs(run.servers) do
    rest[#rest + 1] = next(restored) and not restored[host.name] and not served[host.name] and host or nil
  end
  each(rest, { at_once = run.options.at_once }, function(host)
    local name = record(host).name
    local problem = preflight.catch(host, function()
      local paths = releases.paths(run.options)
      local found = releases.look(host, paths)
      if found.name == name or found.failed[name] or not found.by_name[name] then
        return
      end
      -- The entry names the last logged release, not where current points: an unfinished switch
      -- must remain visible.
      local last = history.last(found.entries)
      history.append(host, paths, {
        action = "restore", release = last and last.release or found.name or "", revision = last and last.revision,
        from = name,
      })
    end)
    if problem then
      log.warn("releases.log does not say that " .. name .. " failed: " .. problem[1])
    end
  end)
end

-- switch_on calls fn for one host, and recovers where it fails.
local function switch_on(host, fn)
  local release, target = record(host), run.targets[host.name] or {}
  if target.done then
    log.info(release.name .. " is current already; nothing to do")
    host:result({ release = release.name, revision = release.revision:sub(1, 10), previous = run.previous[host.name],
      state = "was current already" }, { tone = "good" })
    return
  elseif target.stopped then
    log.info(release.name .. " is current already, but the server does not serve it: it is started or restarted")
  end
  step("switch to " .. release.name, { required = true }, function()
    parallel({
      function() release.before = find_before(host, release) end,
      function() release.server = server.look(host, release.options) end,
      -- Only a restart reaches processes that did not load their release: they ignore a touch.
      function() release.unwell = release.options.restart == "touch" and not health.works(host, release.options) end,
    })
    release.previous = title_of(release, release.before)
    host:on_failure(function() warn_out(host) end) -- runs last, after recover
    -- The limit leaves time for a restart and another health check.
    host:on_failure({ timeout = 300 + health.seconds(release.options) .. "s" }, function() recover(host, release) end)
    fn(host, release)
    confirm(host, release)
  end)
end

-- end_prepared ends a run with --prepare-only: every host has the release, and none serves it.
local function end_prepared()
  each(run.servers, { at_once = 1 }, function(host)
    if is_serial(run.options) then
      git.with_agent(host, run.options, function() prepare_on(host, later.prepare) end)
    end
    host:result({ release = run.name, revision = run.revision:sub(1, 10), state = "prepared" }, { tone = "good" })
  end)
  log.info("nothing was switched; to switch: --release " .. run.name .. " --revision " .. run.revision)
end

-- roll calls fn(host, release) for batch after batch. It returns when every host serves the
-- release, and then calls after_switch.once of app.lua.
local function roll(fn)
  if is_prepare_only() then
    return end_prepared()
  end
  local failures = in_batches(run.servers, run.options, function(host)
    if run.action == "release" then
      resume({ release = run.name, revision = run.revision }, undo())
    end
    if later.prepare and is_serial(run.options) then
      git.with_agent(host, run.options, function()
        prepare_on(host, later.prepare)
        if run.before_switch then
          before_switch_on(host, run.servers[1], record(host))
        end
        switch_on(host, fn)
      end)
    else
      switch_on(host, fn)
    end
  end, mark_failed)
  if failures == 0 then
    each({ run.servers[1] }, function(host) after_switch_once(host, record(host)) end)
  end
end

-- prune deletes releases beyond the newest keep, and virtualenvs that no release uses.
local function prune(host, release)
  step("prune", function()
    local found = releases.prune(host, release.paths, release.options.keep, release.name, release.previous)
    if found and found.venvs then
      python.prune(host, release.paths)
    end
  end)
end

return {
  options = common.all, preflight = begin, prepare = prepare, complete = complete, before_switch = before_switch,
  run = roll, drain = drain,
  switch = switch, after_switch = after_switch, restore = restore, prune = prune,
  servers = servers, in_batches = in_batches, batch_size = batch_size, validate_batch = validate_batch,
  put_back = put_back,
  warn_out = warn_out, before_switch_on = before_switch_on, after_switch_once = after_switch_once,
}
