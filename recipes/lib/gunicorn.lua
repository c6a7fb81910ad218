-- gunicorn instead of mod_wsgi-express, as an example of restart = function(host, release). In app.lua:
--
--   restart = require("gunicorn").reload({ unit = "app", pid_file = "/srv/app/gunicorn.pid" }),
--
-- with this unit in /etc/systemd/system/app.service, where deploy is who runbook logs in as:
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
-- --chdir is what counts: at a HUP gunicorn goes there again, and so to the new release; without it, it stays in the
-- folder that current led to when it was started. Never --preload, which keeps the old code. The processes prove it.
--
-- What was tried: gunicorn 20.1 of Debian 12 with these options, started and sent HUP through such a line in sudoers by a script
-- in systemctl's place: two releases and one that was not well (cmd/runbook/testdata/openssh/gunicorn.txtar). systemd itself was
-- not, for it doesn't run where the tests do; its 252 finds nothing wrong with the unit (systemd-analyze verify). Seen as well:
-- when no new worker can import the application, gunicorn's main process ends, visitors or not; Restart=always is for that, and
-- a load balancer in front. A newer gunicorn in the requirements takes effect at a restart of the unit only, for a HUP keeps
-- the main process.

local duration = require "duration"
local served = require "served"

-- either says what is wrong where unit and command are both given, or neither.
local function either(_, all)
  return (all.unit == nil) == (all.command == nil) and "want either unit or command beside it; command takes the place of systemctl" or nil
end

-- reload returns the function.
local function reload(given)
  local settings = validate(given, {
    unit = { nil, "the systemd unit, which the login may reload by sudo" },
    command = { nil, "in its place: a command that starts gunicorn or sends it HUP", type = "string[]|string" },
    pid_file = { nil, "what gunicorn's --pid says", required = true, check = either },
    within = { "60s", "how long the workers may take to serve the release", type = "duration" },
  })
  -- Not by the host's sudo, which is for /bin/sh: here sudoers need allow nothing but this.
  local command = settings.command or { "sudo", "-n", "systemctl", "reload-or-restart", settings.unit }

  return function(host, release)
    host:run(command)
    if host.fs:exists(release.current) and host.fs:readlink(release.current) ~= release.dir then
      return -- a dry run
    end
    local well, problem = duration.wait(host, duration.seconds(settings.within), function()
      local stale = served.problem(host, settings.pid_file, release.dir)
      return not stale, stale
    end)
    if not well then
      fail("gunicorn does not serve " .. release.name .. " after " .. settings.within .. ": " .. problem,
        "its log says why; --chdir must name " .. release.current)
    end
  end
end

return { reload = reload }
