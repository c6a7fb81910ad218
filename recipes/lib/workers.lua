-- Workers beside the web server, such as celery's: they take no new task, finish those that run,
-- and start again in the new release. In app.lua:
--
--   local workers = require("workers").pool({
--     name = "celery", command = { "venv/bin/celery", "--app", "shop", "worker" }, within = "10m",
--   })
--   …
--   drain = workers.drain, after_switch = workers.start, restore = workers.restore,
--
-- drain stops them before the switch, so none runs the code of one release while current points to
-- another. after_switch starts them in the release. If they do not start, the host goes back, and
-- restore starts them in the release before. A rollback and restart.lua call the same functions.
--
-- With command, `runbook run setup --unit` writes the unit celery.service. Without it the unit is
-- your own. Where systemd does not start them, give pid_file and start instead of name:
--
--   { pid_file = "/srv/app/celery.pid", folder = "/srv/app/current", start = {
--     "venv/bin/celery", "--app", "shop", "worker", "--detach",
--     "--pidfile", "/srv/app/celery.pid",
--   } }
--
-- At TERM a worker of celery takes no new task, finishes what it does, and gives back what it had
-- only reserved. Tried with celery 5.2.6. For rq and dramatiq it is the same signal. huey wants
-- signal = "INT", or KillSignal=SIGINT in its unit.

local helpers = require "helpers"
local systemd = require "systemd"

-- either_problem returns what is wrong where both name and pid_file are given, or neither.
local function either_problem(_, all)
  return (all.name == nil) == (all.pid_file == nil)
    and "want either name, for a unit of systemd, or pid_file and start" or nil
end

-- needs_problem returns a check that fails a setting without another one.
local function needs_problem(other)
  return function(_, all) return all[other] == nil and "needs " .. other or nil end
end

-- TIMES has the units of systemd's times.
local TIMES = { ms = 0.001, s = 1, min = 60, h = 3600, d = 86400, w = 604800, month = 2629800, y = 31557600 }

-- parse_time converts a time such as "1min 30s" to seconds. Others, such as "infinity", are huge.
local function parse_time(text)
  local total = 0
  for word in text:gmatch("%S+") do
    local number, unit = word:match("^([%d.]+)(%a+)$")
    total = total + (number and TIMES[unit] and tonumber(number) * TIMES[unit] or math.huge)
  end
  return text ~= "" and total or math.huge
end

-- is_ready reports whether a worker counts as started. since is when it was first seen.
local function is_ready(host, settings, folder, since)
  if settings.ready then
    return host:test(settings.ready, { cwd = folder, env = settings.env, timeout = "60s" })
  end
  return clock.now() - since >= helpers.seconds(settings.settle)
end

-- of_unit returns the functions of a worker that systemd starts.
local function of_unit(settings)
  local name = settings.name .. ".service"
  local commands = { { "stop", "--no-block", name }, { "start", "--no-block", name } }
  if settings.command then
    local _, unit = systemd.declare({
      name = settings.name, command = settings.command, user = settings.user, env_file = settings.env_file,
      lines = settings.lines, stop_within = math.ceil(helpers.seconds(settings.within)) + 30 .. "s",
    }, function() return commands end)
    unit.tag = settings.tag
  end
  local worker = { title = settings.name }
  function worker.check(host)
    local found = systemd.check_unit(host, name, commands)
    if found.kill_mode == "control-group" then
      fail(name .. " has KillMode=control-group: at a stop its processes get TERM at the same time, " ..
        "and celery's end in the middle of their tasks",
        "write KillMode=mixed into [Service], then: systemctl daemon-reload")
    elseif parse_time(found.timeout) < helpers.seconds(settings.within) then
      fail(name .. " has TimeoutStopSec=" .. found.timeout .. ", then its tasks are killed; within gives them " ..
        settings.within,
        "make TimeoutStopSec in [Service] longer, then: systemctl daemon-reload; " ..
          "or make within in recipes/app.lua shorter")
    end
  end
  -- look returns stopped, stopping or running, and whether it runs in the current release.
  function worker.look(host)
    local found = systemd.look(host, name)
    local gone = found.state == "inactive" or found.state == "failed"
    return gone and "stopped" or found.state == "deactivating" and "stopping" or "running",
      found.fresh and found.state == "active"
  end
  function worker.stop(host) systemd.control(host, unpack(commands[1])) end
  function worker.start(host) systemd.control(host, unpack(commands[2])) end
  function worker.settle(host, within)
    systemd.settle(host, name, within, function(found, since) return is_ready(host, settings, found.folder, since) end)
  end
  return worker
end

-- of_pid_file returns the functions of a worker that writes its process id to a file.
local function of_pid_file(settings)
  local file = helpers.absolute("workers: pid_file", settings.pid_file)
  local folder = helpers.absolute("workers: folder", settings.folder)
  local worker = { title = "the worker of " .. file }
  function worker.check(host)
    local place = file:match("^(.*)/") .. "/"
    if not host:test({ "test", "-d", place, "-a", "-w", place }) then
      fail("the folder of " .. file .. " does not exist, or the login may not write to it",
        "make it, or name another pid_file for workers in recipes/app.lua")
    end
  end
  -- find returns the process id, "" without one, and whether it works in the current release.
  local function find(host)
    local pid, place, wanted = helpers.record(
      host:script("workers.sh", "look", file, folder, { changes = false }).stdout)
    return pid or "", place == wanted
  end
  function worker.look(host)
    local pid, fresh = find(host)
    return pid == "" and "stopped" or "running", fresh
  end
  function worker.stop(host) host:script("workers.sh", settings.signal, file, folder) end
  function worker.start(host) host:run(settings.start, { cwd = folder, env = settings.env, timeout = "5m" }) end
  function worker.settle(host, within)
    local last, since = nil, clock.now()
    local well = dry_run or helpers.wait(within, function()
      local pid, fresh = find(host)
      if pid ~= last or pid == "" or not fresh then
        last, since = pid, clock.now()
      end
      return pid ~= "" and fresh and is_ready(host, settings, folder, since)
    end)
    if not well then
      fail(worker.title .. " does not run in " .. folder .. " after " .. settings.start_within, "its own log says why")
    end
  end
  return worker
end

local DECLARED = {
  name = { nil, "the unit of systemd, without .service", check = either_problem },
  command = { nil, "the program of the unit and its arguments; then setup.lua --unit writes the unit",
    type = "string[]", check = needs_problem("name") },
  user = { "", "with command: the user that it runs as; default the login user" },
  env_file = { "", "with command: a file on the host with its environment, NAME=value on each line" },
  lines = { {}, "with command: more lines for [Service]" },
  pid_file = { nil, "instead of name: the file with the worker's process id", check = either_problem },
  start = { nil, "with pid_file: the command that starts a worker in the background",
    type = "string[]", check = needs_problem("pid_file") },
  folder = { nil, "with pid_file: the link to the release that it starts in, such as /srv/app/current",
    check = needs_problem("pid_file") },
  env = { nil, "with pid_file: the worker's environment",
    type = "table<string, string>", check = needs_problem("pid_file") },
  signal = { "TERM", "with pid_file: the signal at which it finishes its tasks and ends",
    choices = { "TERM", "INT", "QUIT", "USR1", "USR2" } },
  within = { "10m", "how long running tasks have to finish", type = "duration" },
  start_within = { "60s", "how long a start may take", type = "duration" },
  settle = { "3s", "how long it must run to count as started, without ready", type = "duration" },
  ready = { nil, "the command that succeeds when it works, run in the release until it does; " ..
    "a text is for /bin/sh", type = "string|string[]" },
  tag = { "", "the tag of the hosts that have workers; default all hosts" },
}

-- empty waits until a worker has ended. It reports whether it has.
local function empty(host, worker, within)
  return dry_run or helpers.wait(within, function() return worker.look(host) == "stopped" end)
end

-- pool returns drain, start and restore for one or more workers.
local function pool(...)
  local workers = {}
  for i, given in ipairs({ ... }) do
    local settings = validate(given, DECLARED)
    if not settings.name and not (settings.pid_file and settings.start and settings.folder) then
      fail("workers: want name, for a unit of systemd, or pid_file with start and folder", "see lib/workers.lua")
    end
    workers[i] = (settings.name and of_unit or of_pid_file)(settings)
    workers[i].settings = settings
  end
  -- on_host calls fn(worker, settings) for the workers of a host.
  local function on_host(host, fn)
    for _, worker in ipairs(workers) do
      if worker.settings.tag == "" or helpers.has_tag(host, worker.settings.tag) then
        fn(worker, worker.settings)
      end
    end
  end

  helpers.add_check(function(host)
    on_host(host, function(worker) worker.check(host) end)
  end)

  -- drain makes all workers take no new tasks, then waits for the tasks that run.
  local function drain(host)
    on_host(host, function(worker)
      if worker.look(host) == "running" then
        worker.stop(host)
      end
    end)
    on_host(host, function(worker, settings)
      if not empty(host, worker, helpers.seconds(settings.within)) then
        fail(worker.title .. " still works on its tasks after " .. settings.within,
          "give it more time by within in recipes/app.lua; it was told to end, and starts again after that")
      end
    end)
  end

  -- start starts the workers in the current release, and fails where one does not keep running.
  local function start(host)
    on_host(host, function(worker, settings)
      local state, fresh = worker.look(host)
      if state == "running" and fresh then
        return
      elseif state == "running" then -- in a release that this host went back from
        worker.stop(host)
        empty(host, worker, helpers.seconds(settings.within))
        state = worker.look(host)
      end
      if state == "running" and not dry_run then
        fail(worker.title .. " still works on its tasks", "when it has ended: runbook run restart")
      end
      worker.start(host)
      if state == "stopping" then -- then systemd starts it when it has stopped
        log.warn(worker.title .. " still works on its tasks; it starts again after them")
        return
      end
      worker.settle(host, helpers.seconds(settings.start_within))
    end)
  end

  return { drain = drain, start = start, restore = start }
end

return { pool = pool }
