-- A file that says whether a server is in service. The load balancer polls an address that answers 200 while the file is
-- there; any balancer can, and nothing of it needs to be reachable. In app.lua:
--
--   local healthfile = require("healthfile").pool({ file = "/srv/app/shared/in-service", notice = "10s" })
--   …
--   drain = healthfile.drain, restore = healthfile.restore,

local duration = require "duration"
local layout = require "layout"

-- Prints how many connections to a local port are open. One that is kept open idle counts too, since nothing tells it from a
-- slow request; mod_wsgi-express keeps none.
local CONNECTIONS = [[
# count connections
port=$(printf '%04X' "$1")
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v end=":$port" '
substr($2, length($2) - 4) == end && $4 == "01" { n++ }
END { print n + 0 }'
]]

-- pool returns drain and restore.
local function pool(given)
  local settings = validate(given, {
    file = { nil, "the file on each server; its folder must be there", required = true },
    notice = { "10s", "how long the balancer takes to notice a change: its interval times its number of checks", type = "duration" },
    port = { 8000, "the port whose connections must come to an end", min = 1, max = 65535 },
    within = { "60s", "how long they may take to", type = "duration" },
  })
  layout.absolute("healthfile: file", settings.file)
  local notice, within = duration.seconds(settings.notice), duration.seconds(settings.within)

  local function open(host)
    return tonumber(host:capture({ "sh", "-c", CONNECTIONS, "sh", settings.port })) or 0
  end

  local function drain(host)
    host.fs:remove(settings.file)
    if host.fs:exists(settings.file) then
      return -- a dry run
    end
    host:capture({ "sleep", notice })
    local quiet = 0
    local done = duration.wait(host, within, function()
      quiet = open(host) == 0 and quiet + 1 or 0
      return quiet >= 2
    end)
    if not done then
      fail(open(host) .. " connections are still open after " .. settings.within,
        "within in recipes/app.lua gives them more time; check that the balancer looks for " .. settings.file)
    end
  end

  local function restore(host)
    host.fs:write(settings.file, "in service\n")
    if host.fs:exists(settings.file) then
      host:capture({ "sleep", notice })
    end
  end

  return { drain = drain, restore = restore }
end

return { pool = pool }
