-- HAProxy's runtime socket: takes a server of a backend out of service, waits until no request is in flight there, and
-- puts it back. The socket is on the hosts of the run that have the tag "balancer", or on this machine. In app.lua:
--
--   local haproxy = require("haproxy").pool({ socket = "/run/haproxy/admin.sock", backend = "app" })
--   …
--   drain = haproxy.drain, restore = haproxy.restore,
--
-- haproxy.cfg has to open it: stats socket /run/haproxy/admin.sock mode 660 level admin. Where the socket is, socat or python3
-- talks to it. Tried with HAProxy 2.6.

local duration = require "duration"

-- Sends a command to the socket and prints the answer. With "quiet" any answer is a failure.
local TALK = [[
# talk to HAProxy
[ -S "$1" ] || { echo "there is no socket $1, or $(id -un) may not enter its folder; haproxy.cfg opens it by: stats socket $1" >&2; exit 1; }
[ -w "$1" ] || { echo "$(id -un) may not write to $1: see its mode in haproxy.cfg, or sudo = true in app.lua" >&2; exit 1; }
if command -v socat >/dev/null; then answer=$(printf '%s\n' "$2" | socat -t 10 - "UNIX-CONNECT:$1") || exit
elif command -v python3 >/dev/null; then answer=$(python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
while True:
    part = s.recv(65536)
    if not part:
        break
    sys.stdout.write(part.decode())
' "$1" "$2") || exit
else echo "talking to HAProxy wants socat or python3 there" >&2; exit 1
fi
printf '%s\n' "$answer"
[ "$3" != quiet ] || [ -z "$answer" ] || { echo "HAProxy did not take it: $answer" >&2; exit 1; }
]]

-- read returns the servers of a backend by name, each { status, requests, waiting }, from what "show stat" says.
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
      servers[row.svname or ""] = { status = row.status or "", requests = tonumber(row.scur) or 0, waiting = tonumber(row.qcur) or 0 }
    end
  end
  return servers
end

-- is_up says whether visitors are sent to a server.
local function is_up(server)
  return server.status:find("^UP") ~= nil or server.status == "no check"
end

-- is_out says whether somebody has taken it out of service.
local function is_out(server)
  return server.status:find("^MAINT") ~= nil or server.status:find("^DRAIN") ~= nil
end

-- socket_problem says why a path can't be the socket's, or nil. It becomes part of a command.
local function socket_problem(path)
  return not path:find("^/[%w/._+@-]+$") and "want the path of a UNIX socket such as /run/haproxy/admin.sock, got \"" .. path .. "\"" or nil
end

-- backend_problem says why a name can't be a backend's, or nil.
local function backend_problem(name)
  return not name:find("^[%w_.:-]+$") and "want the word after backend in haproxy.cfg, got \"" .. name .. "\"" or nil
end

-- pool returns drain and restore.
local function pool(given)
  local settings = validate(given, {
    socket = { nil, "the runtime socket's path", required = true, check = socket_problem },
    backend = { nil, "the backend's name in haproxy.cfg", required = true, check = backend_problem },
    server = { nil, "function(host) returns the server's name there; default the host's name in the hosts file", type = "function" },
    localhost = { false, "true: HAProxy is on this machine; default it is on every host of the run with the tag \"balancer\"" },
    sudo = { nil, "true or a user: who may use the socket; in the hosts file the balancer then has sudo = \"passwordless\" or \"ask\"",
      type = "boolean|string" },
    within = { "60s", "how long requests may take to end, and a server to come up again", type = "duration" },
    spare = { 1, "how many other servers must be up before one is taken out", min = 0 },
  })
  local within = duration.seconds(settings.within)
  -- Servers on their way out; and by "BALANCER SERVER" those that this run took out, true once they were seen to be.
  local leaving, ours = {}, {}

  local function name_of(host)
    return settings.server and settings.server(host) or host.name
  end

  local function balancers()
    local list = { settings.localhost and localhost or nil }
    for _, host in ipairs(settings.localhost and {} or hosts) do
      for _, tag in ipairs(host.tags) do
        if tag == "balancer" then
          list[#list + 1] = host
        end
      end
    end
    if #list == 0 then
      fail("no load balancer is among the hosts of this run",
        "with --only, name it too: --only tag:balancer; in the hosts file it has tags = { \"balancer\" }")
    end
    return list
  end

  local function look(balancer)
    local command = { "sh", "-c", TALK, "sh", settings.socket, "show stat " .. settings.backend .. " 4 -1", "" }
    return read(balancer:capture(command, { sudo = settings.sudo }))
  end

  local function own(balancer, server)
    local found = look(balancer)
    if not found[server] then
      fail("HAProxy on " .. balancer.name .. " has no server " .. settings.backend .. "/" .. server,
        "backend, and server = function(host), in recipes/app.lua must be as in haproxy.cfg")
    end
    return found[server], found
  end

  local function set(balancer, server, state)
    local command = "set server " .. settings.backend .. "/" .. server .. " state " .. state
    -- By stdin, so that what is shown of it, in a dry run above all, is the command and not this script.
    balancer:run({ "sh", "-s", settings.socket, command, "quiet" }, { sudo = settings.sudo, stdin = TALK })
  end

  -- leave fails when too few others would be left to serve the visitors. A server that is down already takes none from them.
  local function leave(balancer, server)
    local mine, all = own(balancer, server)
    local others = 0
    for name, other in pairs(all) do
      others = others + (name ~= server and not leaving[name] and is_up(other) and 1 or 0)
    end
    if is_up(mine) and others < settings.spare then
      fail("of " .. settings.backend .. " only " .. others .. " other servers are up on " .. balancer.name .. ", and " .. settings.spare ..
        " must be", "bring the others up first, or make --batch smaller; spare = 0 in recipes/app.lua takes the last one out, too")
    end
    ours[balancer.name .. " " .. server] = false
    set(balancer, server, "maint")
  end

  -- empty waits until nothing is in flight: twice in a row, for a request may be just on its way.
  local function empty(balancer, server)
    local still, quiet = own(balancer, server), 0
    if not is_out(still) then
      return -- a dry run
    end
    ours[balancer.name .. " " .. server] = true
    local done = duration.wait(balancer, within, function()
      still = own(balancer, server)
      quiet = still.requests + still.waiting == 0 and quiet + 1 or 0
      return quiet >= 2
    end)
    if not done then
      fail(server .. " still has " .. still.requests + still.waiting .. " requests in flight after " .. settings.within,
        "within in recipes/app.lua gives them more time")
    end
  end

  -- left says that an earlier run died and left the host out.
  local function drain(host, left)
    local server = name_of(host)
    leaving[server] = true -- before the first wait: hosts of one batch must see each other
    for _, balancer in ipairs(balancers()) do
      if is_out(own(balancer, server)) and not left then
        fail(server .. " is out of service on " .. balancer.name .. " already, and not by runbook",
          "put it back with: set server " .. settings.backend .. "/" .. server .. " state ready; or leave the host out by --only")
      end
      leave(balancer, server)
    end
    for _, balancer in ipairs(balancers()) do
      empty(balancer, server)
    end
  end

  local function restore(host)
    local server = name_of(host)
    for _, balancer in ipairs(balancers()) do
      local key = balancer.name .. " " .. server
      if ours[key] ~= nil then
        set(balancer, server, "ready")
      end
      -- It counts as up once HAProxy's own check agrees; until then the next server must not be taken out.
      local found
      if ours[key] and not duration.wait(balancer, within, function()
        found = own(balancer, server)
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

return { pool = pool }
