-- Tests of healthfile in lib/haproxy.lua on a throwaway host.

lab.defaults() -- whatever app.lua says

local haproxy = require "haproxy"

-- KEPT listens on a port, opens a connection to it, makes a file, and exits at the end of its
-- input.
local KEPT = [[
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
open(sys.argv[2], "w").close()
sys.stdin.read()
]]

local host = unpack(lab.hosts(1))
local file = host.vars.root .. "/in-service"
local pool = haproxy.healthfile({ file = file, notice = "100ms", within = "1s", port = host.vars.port })

test("drain removes the file, and restore makes it again", function()
  host.fs:write(file, "in service\n")
  pool.drain(host)
  expect.absent(host, "in-service")
  pool.restore(host)
  expect.file(host, "in-service", { contains = "in service" })
end)

test("drain waits for open connections until within has passed", function()
  local ready = host.vars.root .. "/ready"
  host:run({ "sh", "-c",
    'sleep 5 | python3 -c "$1" "$2" "$3" > /dev/null 2>&1 & until [ -e "$3" ]; do sleep 0.05; done',
    "sh", KEPT, host.vars.port, ready }, { timeout = "10s" })
  local ok, err = pcall(pool.drain, host)
  expect.equal(ok, false)
  expect.contains(err.message, "1 connections are still open after 1s")
  expect.contains(err.hint, "check that the balancer looks for " .. file)
end)

test("a folder that does not exist is found before anything is changed", function()
  local checks = require("helpers").checks
  checks[#checks](host)
  haproxy.healthfile({ file = host.vars.root .. "/nosuch/in-service" })
  local ok, err = pcall(checks[#checks], host)
  expect.equal(ok, false)
  expect.contains(err.message, "/nosuch/in-service does not exist, or the login may not write to it")
end)

test("invalid settings are refused", function()
  for _, case in ipairs({
    { { notice = "10s" }, "file is missing: the file on each server" },
    { { file = "in-service" }, "healthfile: file must be an absolute path" },
    { { file = "/x", interval = "1s" }, 'there is no setting "interval"' },
    { { file = "/x", within = 5 }, "within: want a duration such as 90s or 1m30s, got the number 5" },
    { { file = "/x", notice = "5" }, "notice: want a duration such as" },
  }) do
    local ok, err = pcall(haproxy.healthfile, case[1])
    expect.equal(ok, false, json.encode(case[1]))
    expect.contains(err.message, case[2])
  end
end)
