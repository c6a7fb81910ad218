-- Tests of the units that lib/systemd.lua writes. The comment at its top says how they were tried.

lab.defaults() -- whatever app.lua says

local helpers = require "helpers"
local systemd = require "systemd"

local host = unpack(lab.hosts(1))

-- units declares a service, and returns its units by name.
local function units(given)
  systemd.service(given)
  return helpers.units[#helpers.units].files("/srv/app", "deploy")
end

local APP = [[
# Written by runbook's setup.lua --unit for /srv/app
[Unit]
Description=app of the releases in /srv/app
Wants=network-online.target
After=network-online.target remote-fs.target
ConditionPathExists=/srv/app/current
# No limit of starts: a release that cannot start must not keep the one before it from starting.
StartLimitIntervalSec=0
Requires=app.socket
After=app.socket

[Service]
Type=notify
User=deploy
WorkingDirectory=/srv/app/current
ExecStart=/srv/app/current/venv/bin/gunicorn --workers 4 "100%%" "$$HOME" wsgi:application
# Only the main process gets TERM. It lets the others finish what they do.
KillMode=mixed
TimeoutStopSec=90
Restart=always
RestartSec=1
EnvironmentFile=-/srv/app/shared/env
MemoryMax=1G

[Install]
WantedBy=multi-user.target
]]

test("a service with a socket is two units, which systemd-analyze accepts", function()
  local found = units({
    name = "app", listen = 8000, type = "notify", env_file = "/srv/app/shared/env", lines = { "MemoryMax=1G" },
    command = { "venv/bin/gunicorn", "--workers", "4", "100%", "$HOME", "wsgi:application" } })
  expect.equal(found["app.service"], APP)
  expect.contains(found["app.socket"], "\n[Socket]\nListenStream=8000\n\n[Install]\nWantedBy=sockets.target\n")
  for name, text in pairs(found) do
    expect.equal(host:script("unit.sh", name, { stdin = text, changes = false, check = false }).stderr, "")
  end
  if host:test("command -v systemd-analyze") then
    local bad = host:script("unit.sh", "app.service",
      { stdin = APP:gsub("MemoryMax", "MemoryMost"), changes = false, check = false })
    expect.equal(bad.ok, false)
    expect.contains(bad.stderr, "Unknown key")
  end
end)

test("a service without a socket is one unit, and a path belongs to the user", function()
  local found = units({ name = "plain", command = { "/usr/bin/gunicorn", "wsgi:application" }, user = "www" })
  expect.equal(found["plain.socket"], nil)
  expect.contains(found["plain.service"],
    "\nUser=www\nWorkingDirectory=/srv/app/current\nExecStart=/usr/bin/gunicorn wsgi:application\n")
  local path = units({ name = "path", command = { "venv/bin/gunicorn" }, listen = "/run/app.sock" })
  expect.contains(path["path.socket"], "ListenStream=/run/app.sock\nSocketUser=deploy\n")
end)

test("settings that cannot become a unit are refused", function()
  local command = { "venv/bin/gunicorn" }
  for _, case in ipairs({
    { { command = command }, "name is missing" }, { { name = "app" }, "command is missing" },
    { { name = "a/b", command = command }, "want letters, digits, dashes and underscores" },
    { { name = "app", command = {} }, "want a program and its arguments" },
    { { name = "app", command = { "a\nUser=root" } }, "want a program and its arguments" },
    { { name = "app", command = command, listen = 0 }, "want a port" },
    { { name = "app", command = command, listen = "8000\nUser=x" }, "want a port" },
    { { name = "app", command = command, lines = { "User=root\nX=1" } }, "is not a line such as MemoryMax=1G" },
    { { name = "app", command = command, lines = { "[Unit]" } }, "is not a line such as MemoryMax=1G" },
  }) do
    local ok, err = pcall(systemd.service, case[1])
    expect.equal(ok, false, json.encode(case[1]))
    expect.contains(err.message, case[2])
  end
end)
