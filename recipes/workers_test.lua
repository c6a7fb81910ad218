-- Tests of lib/workers.lua with a worker that writes its process id to a file. Celery itself and
-- systemd units are tested in runbook's repository.

lab.defaults() -- whatever app.lua says

local workers = require "workers"

-- WORKER works on a task while the file "busy" exists. After TERM it ends once "busy" is gone.
local WORKER = [[
#!/bin/sh
cd -P "$1/current" || exit
[ ! -e broken ] || exit 1
ended=
trap 'ended=1' TERM
echo $$ > "$1/pid"
while [ -z "$ended" ] || [ -e "$1/busy" ]; do sleep 0.05; done
rm "$1/pid"
]]

-- prepare makes a host with two releases, and returns it, its root and the functions of pool.
local function prepare(within)
  local host = unpack(lab.hosts(1))
  local root = host.vars.root
  for _, name in ipairs({ "one", "two" }) do
    host.fs:mkdir(root .. "/releases/" .. name)
  end
  host.fs:write(root .. "/worker", WORKER, { mode = "0755" })
  host.fs:symlink(root .. "/releases/one", root .. "/current")
  return host, root, workers.pool({
    pid_file = root .. "/pid", folder = root .. "/current", within = within, start_within = "2s", settle = "100ms",
    start = { "sh", "-c", 'setsid "$0" "$1" >/dev/null 2>&1 </dev/null &', root .. "/worker", root },
  })
end

-- place returns the working directory of the worker.
local function place(host, root)
  return host:capture('readlink "/proc/$(cat pid)/cwd" 2>/dev/null || true', { cwd = root })
end

test("drain waits for running tasks, and start starts in the new release", function()
  local host, root, pool = prepare("10s")
  pool.drain(host) -- nothing runs yet
  pool.start(host)
  expect.equal(place(host, root), root .. "/releases/one")
  pool.start(host) -- it runs already
  host:run("touch busy; (sleep 1; rm busy) >/dev/null 2>&1 &", { cwd = root })
  pool.drain(host)
  expect.absent(host, "busy")
  expect.absent(host, "pid")
  host.fs:symlink(root .. "/releases/two", root .. "/current")
  pool.start(host)
  expect.equal(place(host, root), root .. "/releases/two")
  -- The host goes back: restore starts the worker of the other release instead.
  host.fs:symlink(root .. "/releases/one", root .. "/current")
  pool.restore(host)
  expect.equal(place(host, root), root .. "/releases/one")
  pool.drain(host)
end)

test("a task that takes too long, and a worker that does not start, are failures", function()
  local host, root, pool = prepare("300ms")
  pool.start(host)
  host:run("touch busy", { cwd = root })
  local ok, err = pcall(pool.drain, host)
  expect.equal(ok, false)
  expect.contains(err.message, "the worker of " .. root .. "/pid still works on its tasks after 300ms")
  host:run("rm busy; while [ -e pid ]; do sleep 0.05; done", { cwd = root, timeout = "10s" })
  host:run("touch releases/one/broken", { cwd = root })
  ok, err = pcall(pool.start, host)
  expect.equal(ok, false)
  expect.contains(err.message, "does not run in " .. root .. "/current after 2s")
end)

test("a process that works elsewhere is not the worker", function()
  local host, root, pool = prepare("1s")
  host:run({ "sh", "-c", 'cd /; setsid sleep 30 >/dev/null 2>&1 </dev/null & echo $! > "$0/pid"', root })
  pool.drain(host)
  expect.equal(host:test({ "sh", "-c", 'kill -0 "$(cat "$0/pid")"', root }), true)
  host:run({ "sh", "-c", 'kill "$(cat "$0/pid")"', root })
end)

test("a unit is only for hosts with its tag", function()
  local systemd = require "systemd"
  workers.pool({ name = "celery", command = { "venv/bin/celery" }, tag = "worker" })
  workers.pool({ name = "beat", command = { "venv/bin/celery" } })
  local function names(...)
    local list = {}
    for i, unit in ipairs(systemd.units_for({ tags = { ... } })) do
      list[i] = unit.name
    end
    return table.concat(list, " ")
  end
  expect.equal(names("web"), "beat")
  expect.equal(names("web", "worker"), "celery beat")
end)

test("settings that contradict each other are refused", function()
  for _, case in ipairs({
    { {}, "want name, for a unit of systemd, or pid_file with start and folder" },
    { { pid_file = "/x" }, "want name, for a unit of systemd, or pid_file with start and folder" },
    { { name = "x", pid_file = "/x" }, "want either name" },
    { { name = "x", start = { "x" } }, "needs pid_file" }, { { pid_file = "/x", command = { "x" } }, "needs name" },
  }) do
    local ok, err = pcall(workers.pool, case[1])
    expect.equal(ok, false, json.encode(case[1]))
    expect.contains(err.message, case[2])
  end
end)
