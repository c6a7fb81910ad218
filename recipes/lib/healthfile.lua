-- A file that exists while a server is in service. The load balancer polls a URL that answers 200
-- while the file exists. Every load balancer can do this, and runbook does not need to reach it. In
-- app.lua:
--
--   local healthfile = require("healthfile").pool({ file = "/srv/app/shared/in-service", notice = "10s" })
--   …
--   drain = healthfile.drain, restore = healthfile.restore,

local helpers = require "helpers"

-- pool returns drain and restore.
local function pool(given)
  local settings = validate(given, {
    file = { nil, "the file on each server; its folder must exist", required = true },
    notice = { "10s", "time until the balancer notices a change: its interval times its number of checks",
      type = "duration" },
    port = { 8000, "the port whose connections must end", min = 1, max = 65535 },
    within = { "60s", "time limit for these connections", type = "duration" },
  })
  helpers.absolute("healthfile: file", settings.file)
  local notice, within = helpers.seconds(settings.notice), helpers.seconds(settings.within)

  helpers.add_check(function(host)
    local folder = settings.file:match("^(.*)/") .. "/"
    if not host:test({ "test", "-w", folder, "-a", "-d", folder }) then
      fail("the folder of " .. settings.file .. " does not exist, or the login may not write to it",
        "make it, or name another file for healthfile in recipes/app.lua")
    end
  end)

  -- count_connections returns the number of open connections.
  local function count_connections(host)
    return tonumber(helpers.record(host:script("connections.sh", settings.port, { changes = false }).stdout))
  end

  -- drain removes the file, and waits until the balancer noticed and no connection is open.
  local function drain(host)
    host.fs:remove(settings.file)
    if host.fs:exists(settings.file) then
      return -- a dry run
    end
    host:capture({ "sleep", notice })
    local quiet = 0
    local done = helpers.wait(host, within, function()
      quiet = count_connections(host) == 0 and quiet + 1 or 0
      return quiet >= 2
    end)
    if not done then
      fail(count_connections(host) .. " connections are still open after " .. settings.within,
        "within in recipes/app.lua gives them more time; check that the balancer looks for " .. settings.file)
    end
  end

  -- restore makes the file again, and waits until the balancer noticed.
  local function restore(host)
    host.fs:write(settings.file, "in service\n")
    if host.fs:exists(settings.file) then
      host:capture({ "sleep", notice })
    end
  end

  return { drain = drain, restore = restore }
end

return { pool = pool }
