-- Takes a server out of a load balancer's service and puts it back: pool by HAProxy's runtime
-- socket, healthfile for any other balancer.
--
-- pool waits until no request is in flight on the server. The socket is on the hosts of the run
-- that have the tag "balancer", or on this machine. In app.lua:
--
--   local haproxy = require("haproxy").pool({
--     socket = "/run/haproxy/admin.sock", backend = "app",
--   })
--   …
--   drain = haproxy.drain, restore = haproxy.restore,
--
-- haproxy.cfg opens the socket with: stats socket /run/haproxy/admin.sock mode 660 level admin. The
-- host with the socket needs socat or python3. Tried with HAProxy 2.6.
--
-- healthfile is for a balancer that polls a URL of each server. It answers 200 while a file exists:
--
--   local file = require("haproxy").healthfile({
--     file = "/srv/app/shared/in-service", notice = "10s",
--   })
--   …
--   drain = file.drain, restore = file.restore,

local helpers = require "helpers"

-- read parses the answer to "show stat". It returns the servers of a backend by name, each
-- { status, requests, waiting }.
local function read(text)
  local servers, columns = {}, nil
  for line in text:gmatch("[^\n]+") do
    local cells = {}
    for cell in line:gsub("^# ", ""):gmatch("([^,]*),?") do
      cells[#cells + 1] = cell
    end
    if not columns then
      columns = cells
    else
      local row = {}
      for i, name in ipairs(columns) do
        row[name] = cells[i]
      end
      servers[row.svname or ""] = { status = row.status or "", requests = tonumber(row.scur) or 0,
        waiting = tonumber(row.qcur) or 0 }
    end
  end
  return servers
end

-- is_up reports whether HAProxy sends requests to a server.
local function is_up(server)
  return server.status:find("^UP") ~= nil or server.status == "no check"
end

-- is_out reports whether a server was taken out of service.
local function is_out(server)
  return server.status:find("^MAINT") ~= nil or server.status:find("^DRAIN") ~= nil
end

-- socket_problem returns why a path is invalid for the socket, or nil. The path becomes part of a
-- command.
local function socket_problem(path)
  return not path:find("^/[%w/._+@-]+$")
    and "want the path of a UNIX socket such as /run/haproxy/admin.sock, got \"" .. path .. "\"" or nil
end

-- backend_problem returns why a name is invalid for a backend, or nil.
local function backend_problem(name)
  return not name:find("^[%w_.:-]+$") and "want the word after backend in haproxy.cfg, got \"" .. name .. "\"" or nil
end

-- pool returns drain and restore.
local function pool(given)
  local settings = validate(given, {
    socket = { nil, "the runtime socket's path", required = true, check = socket_problem },
    backend = { nil, "the backend's name in haproxy.cfg", required = true, check = backend_problem },
    server = { nil, "function(host) that returns the server's name in haproxy.cfg; default the host's name",
      type = "function" },
    localhost = { false,
      "true: HAProxy is on this machine; false: on every host of the run with the tag \"balancer\"" },
    sudo = { nil, "true or a user who may use the socket; " ..
      "then the balancer has sudo = \"passwordless\" or \"ask\" in the hosts file",
      type = "boolean|string" },
    within = { "60s", "time limit for requests in flight, and for a server to come up again", type = "duration" },
    spare = { 1, "number of other servers that must be up when one is taken out", min = 0 },
  })
  local within = helpers.seconds(settings.within)
  -- leaving has the servers that this run takes out. ours has them by "BALANCER SERVER": true once
  -- HAProxy shows them as out.
  local leaving, ours = {}, {}

  -- server_name returns the name of a host in haproxy.cfg.
  local function server_name(host)
    return settings.server and settings.server(host) or host.name
  end

  -- balancers returns the hosts with the socket.
  local function balancers()
    local list = { settings.localhost and localhost or nil }
    for _, host in ipairs(settings.localhost and {} or hosts) do
      list[#list + 1] = helpers.is_balancer(host) and host or nil
    end
    if #list == 0 then
      fail("no load balancer is among the hosts of this run",
        "with --only, name it too: --only tag:balancer; in the hosts file it has tags = { \"balancer\" }")
    end
    return list
  end

  -- list_servers returns the servers of the backend on a balancer.
  local function list_servers(balancer)
    local command = "show stat " .. settings.backend .. " 4 -1"
    return read(helpers.record(balancer:script("haproxy.sh", settings.socket, command, "",
      { sudo = settings.sudo, changes = false }).stdout))
  end

  -- find_server returns one server of the backend on a balancer, and all servers.
  local function find_server(balancer, server)
    local found = list_servers(balancer)
    if not found[server] then
      fail("HAProxy on " .. balancer.name .. " has no server " .. settings.backend .. "/" .. server,
        "backend, and server = function(host), in recipes/app.lua must be as in haproxy.cfg")
    end
    return found[server], found
  end

  -- check fails unless the server of a host is on all balancers, and their sockets can take it out.
  local function check(host)
    for _, balancer in ipairs(balancers()) do
      find_server(balancer, server_name(host))
      local answer = helpers.record(balancer:script("haproxy.sh", settings.socket, "show cli level", "",
        { sudo = settings.sudo, changes = false }).stdout)
      local level = (answer or ""):match("^%s*(%a+)%s*$")
      if level == "user" or level == "operator" then
        fail("the socket " .. settings.socket .. " on " .. balancer.name .. " allows only the level " .. level,
          "haproxy.cfg must open it with: stats socket " .. settings.socket .. " mode 660 level admin")
      end
    end
  end
  helpers.add_check(check)

  -- set_state changes the state of a server on a balancer.
  local function set_state(balancer, server, state)
    local command = "set server " .. settings.backend .. "/" .. server .. " state " .. state
    balancer:script("haproxy.sh", settings.socket, command, "quiet", { sudo = settings.sudo })
  end

  -- leave takes a server out of service. It fails when too few other servers would remain, unless
  -- this server is down already.
  local function leave(balancer, server)
    local mine, all = find_server(balancer, server)
    local others = 0
    for name, other in pairs(all) do
      others = others + (name ~= server and not leaving[name] and is_up(other) and 1 or 0)
    end
    if is_up(mine) and others < settings.spare then
      fail("of " .. settings.backend .. " only " .. others .. " other servers are up on " .. balancer.name ..
        ", and " .. settings.spare ..
        " must be", "bring the others up first, or make --batch smaller; " ..
          "spare = 0 in recipes/app.lua takes the last one out, too")
    end
    ours[balancer.name .. " " .. server] = false
    set_state(balancer, server, "maint")
  end

  -- empty waits until no request is in flight, twice in a row, because a request may be on its way.
  local function empty(balancer, server)
    local still, quiet = find_server(balancer, server), 0
    if not is_out(still) then
      return -- a dry run
    end
    ours[balancer.name .. " " .. server] = true
    local done = helpers.wait(within, function()
      still = find_server(balancer, server)
      quiet = still.requests + still.waiting == 0 and quiet + 1 or 0
      return quiet >= 2
    end)
    if not done then
      fail(server .. " still has " .. still.requests + still.waiting .. " requests in flight after " .. settings.within,
        "within in recipes/app.lua gives them more time")
    end
  end

  -- drain takes a server out on all balancers. left is whether a killed run left it out.
  local function drain(host, left)
    local server = server_name(host)
    leaving[server] = true -- before the first wait: hosts of one batch must see each other
    for _, balancer in ipairs(balancers()) do
      if is_out(find_server(balancer, server)) and not left then
        fail(server .. " is out of service on " .. balancer.name .. " already, and not by runbook",
          "put it back with: set server " .. settings.backend .. "/" .. server ..
            " state ready; or leave the host out by --only")
      end
      leave(balancer, server)
    end
    for _, balancer in ipairs(balancers()) do
      empty(balancer, server)
    end
  end

  -- restore puts a server back on all balancers, and waits until it is up.
  local function restore(host)
    local server = server_name(host)
    for _, balancer in ipairs(balancers()) do
      local key = balancer.name .. " " .. server
      if ours[key] ~= nil then
        set_state(balancer, server, "ready")
      end
      -- It is up when HAProxy's own check says so. Until then the next server must not be taken
      -- out.
      local found
      if ours[key] and not helpers.wait(within, function()
        found = find_server(balancer, server)
        return is_up(found)
      end) then
        fail(server .. " is " .. found.status .. " on " .. balancer.name .. " after " .. settings.within,
          "HAProxy's health check and the application disagree; its log says why")
      end
      ours[key] = nil
    end
    leaving[server] = nil
  end

  return { drain = drain, restore = restore }
end

-- healthfile returns drain and restore for a load balancer that runbook does not reach.
local function healthfile(given)
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
    sleep(notice .. "s")
    local quiet = 0
    local done = helpers.wait(within, function()
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
      sleep(notice .. "s")
    end
  end

  return { drain = drain, restore = restore }
end

return { pool = pool, healthfile = healthfile }
