-- gunicorn instead of mod_wsgi-express, as an example of restart = function(host, release). Copy
-- this file to recipes/lib/. In app.lua:
--
--   restart = require("gunicorn").reload({ unit = "app", pid_file = "/srv/app/gunicorn.pid" }),
--
-- with this unit in /etc/systemd/system/app.service, where deploy is the login user:
--
--   [Service]
--   Type=notify
--   User=deploy
--   ExecStart=/srv/app/current/venv/bin/gunicorn --chdir /srv/app/current --pid /srv/app/gunicorn.pid \
--     --bind :8000 wsgi:application
--   ExecReload=/bin/kill -HUP $MAINPID
--   KillMode=mixed
--   Restart=always
--   [Install]
--   WantedBy=multi-user.target
--
-- and this line in /etc/sudoers.d/app, which allows no other command:
--
--   deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload-or-restart app
--
-- --chdir is essential: at a HUP gunicorn changes to that folder again, and so to the new release.
-- Without it gunicorn remains in the folder that current pointed to at its start. Never use
-- --preload, which keeps the old code. The working directories of the processes prove which release
-- is served.
--
-- Tried with gunicorn 20.1 of Debian 12 and these options, started and sent HUP through such a line
-- in sudoers by a script instead of systemctl: two releases and a broken one
-- (cmd/runbook/testdata/openssh/gunicorn.txtar). systemd does not run where the tests run;
-- systemd-analyze verify of 252 accepts the unit. When no new worker can import the application,
-- gunicorn's main process ends, even with requests in flight: hence Restart=always, and a load
-- balancer in front. A newer gunicorn in the requirements takes effect only at a restart of the
-- unit, because a HUP keeps the main process.

local helpers = require "helpers"

-- either_problem returns what is wrong where unit and command are both given, or neither.
local function either_problem(_, all)
  return (all.unit == nil) == (all.command == nil)
    and "want either unit or command beside it; command replaces systemctl" or nil
end

-- reload returns the function.
local function reload(given)
  local settings = validate(given, {
    unit = { nil, "the systemd unit, which the login may reload by sudo" },
    command = { nil, "instead of unit: a command that starts gunicorn or sends it HUP", type = "string[]|string" },
    pid_file = { nil, "the file that gunicorn's --pid names", required = true, check = either_problem },
    within = { "60s", "how long the workers may take to serve the release", type = "duration" },
  })
  -- Not by the option sudo, which runs /bin/sh: so sudoers needs to allow only this command.
  local command = settings.command or { "sudo", "-n", "systemctl", "reload-or-restart", settings.unit }

  if settings.unit then
    helpers.add_check(function(host)
      if not host:test({ "sudo", "-n", "-l", unpack(command, 3) }) then
        fail("the login may not run " .. table.concat(command, " ") .. ", which reloads gunicorn",
          "allow it in /etc/sudoers.d, see the head of lib/gunicorn.lua")
      end
    end)
  end

  return function(host, release)
    local server = require "server" -- here, because app.lua requires this file, and server.lua requires app.lua
    host:run(command)
    if host.fs:exists(release.current) and host.fs:readlink(release.current) ~= release.dir then
      return -- a dry run
    end
    local well, problem = helpers.wait(host, helpers.seconds(settings.within), function()
      local stale = server.stale_process(host, settings.pid_file, release.dir)
      return not stale, stale
    end)
    if not well then
      fail("gunicorn does not serve " .. release.name .. " after " .. settings.within .. ": " .. problem,
        "its log says why; --chdir must name " .. release.current)
    end
  end
end

return { reload = reload }
