-- Tests of restart.lua and of setup.lua --adopt on a throwaway host.

lab.defaults() -- whatever app.lua says

local mod_wsgi = require "mod_wsgi"

local host = unpack(lab.hosts(1))
local root = host.vars.root

-- act runs restart.lua and returns the state of the host afterwards.
local function act(action, values)
  local all = { action = action, health = "/health" }
  for name, value in pairs(values or {}) do
    all[name] = value
  end
  local result = run("recipes/restart.lua", all)
  expect.status(result, 0)
  return result.hosts.web1.state, result
end

test("each action works on a running and on a stopped server", function()
  lab.repo()
  local none = run("recipes/restart.lua")
  expect.status(none, 3)
  expect.contains(none.error, "no release is current")
  expect.status(run("recipes/release.lua", { release = "r1", restart = "graceful", health = "/health" }), 0)
  local pid = expect.file(host, "server/httpd.pid")
  expect.equal(act("start"), "was running already")
  expect.equal(expect.file(host, "server/httpd.pid"), pid)
  expect.equal(act("graceful"), "restarted")
  expect.equal(act("restart"), "restarted")
  expect.equal(act("stop"), "stopped")
  expect.absent(host, "server/httpd.pid")
  expect.equal(act("stop"), "was stopped already")
  expect.equal(act("restart"), "started")
  expect.equal(act("stop"), "stopped")
  expect.equal(act("start"), "started")
  local _, more = act("graceful", { processes = 9 })
  expect.event(more, { kind = "step_ended", host = "web1", step = "stop and start mod_wsgi-express" })
  local dry = run("recipes/restart.lua", { action = "stop" }, { dry_run = true })
  expect.status(dry, 0)
  expect.file(host, "server/httpd.pid")
  expect.equal(act("stop"), "stopped")
end)

-- apachectl writes an apachectl. Its first starts fail with words, as often as times. Its stop
-- prints nothing.
local function apachectl(times, words)
  host.fs:mkdir(root .. "/server")
  host.fs:write(root .. "/server/apachectl", ([[#!/bin/sh
cd %s/server || exit
echo "$1" >> calls
[ "$1" = start ] || exit 0
[ "$(grep -c start calls)" -gt %d ] || { echo %s >&2; exit 1; }
]]):format(root, times, quote(words)), { mode = "0755" })
end

local options = { root = root, server_root = "", request_seconds = 1 }

test("a start retries while the stopped server has the port, and fails at once otherwise", function()
  for _, way in ipairs({ "full", "start" }) do
    apachectl(3, "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:8000")
    mod_wsgi.act(host, options, way)
    local _, starts = expect.file(host, "server/calls"):gsub("start\n", "")
    expect.equal(starts, 4, way)
    host.fs:remove(root .. "/server/calls")
    apachectl(3, "AH00526: Syntax error on line 1")
    expect.equal(pcall(mod_wsgi.act, host, options, way), false)
    _, starts = expect.file(host, "server/calls"):gsub("start\n", "")
    expect.equal(starts, 1, way)
    host.fs:remove(root .. "/server/calls")
  end
end)

test("a foreign configuration is left alone until --adopt", function()
  lab.repo()
  require("planted_test").release(host, "r1")
  host.fs:mkdir(root .. "/server")
  host.fs:write(root .. "/server/httpd.conf", "")
  host.fs:write(root .. "/server/apachectl",
    "#!/bin/sh\n\n# ['/opt/mod_wsgi-express', 'setup-server', 'site.wsgi', '--port', '81']\n")
  local refused = run("recipes/restart.lua")
  expect.status(refused, 3)
  expect.contains(refused.error,
    "/server has a mod_wsgi-express configuration that runbook did not write, so it is not replaced")
  expect.contains(refused.hint, 'wsgi = "site.wsgi",\n  port = 81,')
  expect.absent(host, "server/.runbook-arguments")

  local adopted = run("recipes/setup.lua", { adopt = true })
  expect.status(adopted, 0)
  expect.contains(adopted.hosts.web1.state,
    "took over " .. root .. "/server, with a copy in " .. root .. "/server/.before-runbook")
  expect.file(host, "server/.before-runbook/apachectl", { contains = "'--port', '81'" })
  expect.file(host, "server/.runbook-arguments", { contains = '"--port","81"' })
  local again = run("recipes/setup.lua", { adopt = true })
  expect.status(again, 0)
  expect.equal(again.hosts.web1.state, "nothing to change")
end)

test("a record that is cut short is written again", function()
  lab.repo()
  expect.status(run("recipes/release.lua", { release = "r1", restart = "graceful" }), 0)
  host.fs:write(root .. "/server/.runbook-arguments", "{half")
  expect.status(run("recipes/release.lua", { release = "r2", restart = "graceful" }), 0)
  expect.file(host, "server/.runbook-arguments", { contains = "setup-server" })
end)
