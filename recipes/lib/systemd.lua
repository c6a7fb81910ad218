-- Units of systemd for what runs beside mod_wsgi-express, or instead of it: gunicorn, uvicorn,
-- workers. In app.lua:
--
--   local web = require("systemd").service({
--     name = "app", listen = 8000, type = "notify",
--     command = { "venv/bin/gunicorn", "--workers", "4", "wsgi:application" },
--   })
--   …
--   restart = web.restart, health = "/health",
--
-- `runbook run setup --unit` writes app.service and app.socket, enables them, and allows the login
-- to restart the service by sudo. With listen systemd holds the socket, and hands it to each new
-- process. So connections wait during a restart, and none is refused. gunicorn finds the socket by
-- itself. uvicorn needs --fd 3: { "venv/bin/uvicorn", "--fd", "3", "shop.asgi:application" }. It
-- sends no message when it is ready, so leave type out.
--
-- The units pass systemd-analyze verify of 252. With systemd 252 as a user's manager they were
-- started, restarted under load and stopped. See "What a restart costs" in README.md.

local helpers = require "helpers"

-- FOLDER is the folder of the admin's systemd units.
local FOLDER = "/etc/systemd/system/"

-- MARK begins a unit that runbook wrote.
local MARK = "# Written by runbook's setup.lua --unit"

-- escape escapes % for the line of a unit, where it begins a specifier.
local function escape(text)
  return (text:gsub("%%", "%%%%"))
end

-- quote_word quotes a text as one word of a unit's command, where $ begins a variable.
local function quote_word(text)
  return text:find("^[%w/._:=@+,-]+$") and text or '"' .. escape(text):gsub('[\\"]', "\\%0"):gsub("%$", "$$") .. '"'
end

-- full_name returns the name of a unit with its kind.
local function full_name(name)
  return name:find("%.%a+$") and name or name .. ".service"
end

-- look returns what service.sh says of a unit: load, state, pid, timeout in words, kill_mode, the
-- folder in which a new process would start; and fresh: whether its main process works there. A
-- process whose folder is unknown counts as fresh.
local function look(host, name)
  local _, load, state, pid, folder, wanted, kill_mode, timeout =
    helpers.record(host:script("service.sh", full_name(name), { changes = false }).stdout)
  return { load = load or "", state = state or "", pid = tonumber(pid) or 0,
    kill_mode = kill_mode or "", timeout = timeout or "",
    folder = wanted ~= "" and wanted or nil, fresh = folder == "" or wanted == "" or folder == wanted }
end

-- by_sudo returns a systemctl command that the login may run. It does not use the option sudo,
-- which runs /bin/sh, so that sudoers needs to allow only this command.
local function by_sudo(host, ...)
  local command = { "systemctl", ... }
  if host:capture({ "id", "-u" }) ~= "0" then
    command = { "sudo", "-n", unpack(command) }
  end
  return command
end

-- control runs systemctl as root.
local function control(host, ...)
  host:run(by_sudo(host, ...), { timeout = "30m" })
end

-- check_unit fails where a host lacks a unit, or the login may not run one of the commands of
-- systemctl. It returns what look finds.
local function check_unit(host, name, commands)
  local found = look(host, name)
  if found.load ~= "loaded" then
    fail("systemd has no unit " .. full_name(name) ..
      " (" .. (found.load == "" and "systemctl does not answer" or found.load) .. ")",
      "runbook run setup --unit writes the units that recipes/app.lua declares")
  end
  for _, words in ipairs(commands) do
    local command = by_sudo(host, unpack(words))
    if command[1] == "sudo" and not host:test({ "sudo", "-n", "-l", unpack(command, 3) }) then
      fail("the login may not run " .. table.concat(command, " "),
        "runbook run setup --unit allows it in /etc/sudoers.d")
    end
  end
  return found
end

-- settle waits until the main process of a unit works in the release that current points to, and
-- is_ready(found, since) is true; since is when it was first seen. It fails with what systemd says
-- of the unit, and at once where the process ended by itself.
local function settle(host, name, within, is_ready)
  if dry_run then
    return
  end
  local pid, since, found
  local ended = helpers.wait(within, function()
    found = look(host, name)
    local up = found.state == "active" and found.fresh and found.pid > 0
    if up and not pid then
      pid, since = found.pid, clock.now()
    end
    return found.state == "failed" or pid and (not up or found.pid ~= pid or is_ready(found, since))
  end)
  if not ended or found.state ~= "active" or not found.fresh or found.pid ~= pid then
    local status = { "systemctl", "status", "--no-pager", "--lines", "20", full_name(name) }
    local said = host:run(status, { check = false }).stdout
    fail(full_name(name) .. (pid and (found.pid ~= pid or found.state ~= "active") and " ended by itself"
      or found.state ~= "active" and " is " .. found.state
      or not found.fresh and " still runs in another release" or " is not ready") .. ":\n" .. said,
      "its log says why: journalctl -u " .. full_name(name))
  end
end

-- Units

-- listen_problem returns why systemd cannot listen there, or nil.
local function listen_problem(listen)
  local port = tonumber(tostring(listen):match("^%d+$") or tostring(listen):match("^[%w.%[%]:]+:(%d+)$"))
  return not (port and port > 0 and port < 65536 or tostring(listen):find("^/[^%c%s]+$"))
    and "want a port, an address and port such as 127.0.0.1:8000, or the path of a UNIX socket" or nil
end

-- name_problem returns why a unit cannot have a name, or nil.
local function name_problem(name)
  return not name:find("^[%w_][%w_-]*$") and "want letters, digits, dashes and underscores, such as app" or nil
end

-- lines_problem returns which of the additional lines is invalid, or nil.
local function lines_problem(lines)
  for _, line in ipairs(lines) do
    if not line:find("^%u%w+=%C*$") then
      return "\"" .. line .. "\" is not a line such as MemoryMax=1G"
    end
  end
  return nil
end

-- command_problem returns what is wrong with a command, or nil.
local function command_problem(command)
  return (#command == 0 or table.concat(command):find("%c")) and "want a program and its arguments" or nil
end

local SERVICE = [[
{{ mark }} for {{ root }}
[Unit]
Description={{ name }} of the releases in {{ root }}
Wants=network-online.target
After=network-online.target remote-fs.target
ConditionPathExists={{ root }}/current
# No limit of starts: a release that cannot start must not keep the one before it from starting.
StartLimitIntervalSec=0
{% if socket %}
Requires={{ socket }}
After={{ socket }}
{% end %}

[Service]
Type={{ type }}
User={{ user }}
WorkingDirectory={{ root }}/current
ExecStart={{ command }}
# Only the main process gets TERM. It lets the others finish what they do.
KillMode=mixed
TimeoutStopSec={{ stop_within }}
Restart=always
RestartSec=1
{% for line in lines %}
{{ line }}
{% end %}

[Install]
WantedBy=multi-user.target
]]

local SOCKET = [[
{{ mark }} for {{ root }}
[Unit]
Description=the socket of {{ name }}

[Socket]
ListenStream={{ address }}
{% if path %}
SocketUser={{ user }}
{% end %}

[Install]
WantedBy=sockets.target
]]

-- files returns the units of a declared service by name, for a root folder and a login user.
local function files(settings, root, user)
  local command = {}
  for i, word in ipairs(settings.command) do
    command[i] = quote_word(i == 1 and word:sub(1, 1) ~= "/" and root .. "/current/" .. word or word)
  end
  local lines = { unpack(settings.lines) }
  if settings.env_file ~= "" then
    table.insert(lines, 1, "EnvironmentFile=-" .. escape(settings.env_file))
  end
  local values = {
    mark = MARK, root = escape(root), name = settings.name, type = settings.type,
    user = settings.user ~= "" and settings.user or user,
    command = table.concat(command, " "), stop_within = math.ceil(helpers.seconds(settings.stop_within)),
    lines = lines, socket = settings.listen and settings.name .. ".socket" or false,
    address = tostring(settings.listen or ""), path = tostring(settings.listen):sub(1, 1) == "/",
  }
  local found = { [settings.name .. ".service"] = template(SERVICE, values) }
  if settings.listen then
    found[settings.name .. ".socket"] = template(SOCKET, values)
  end
  return found
end

-- declare validates a service and notes it for setup.lua. commands(name) returns the commands of
-- systemctl that the login must be able to run.
local function declare(given, commands)
  local settings = validate(given, {
    name = { nil, "the name of the unit, without .service", required = true, check = name_problem },
    command = { nil, "the program and its arguments; a relative program is in the release: venv/bin/gunicorn",
      type = "string[]",
      required = true, check = command_problem },
    listen = { nil, "what systemd listens on for the service: a port, an address and port, " ..
      "or the path of a UNIX socket; default nothing",
      type = "integer|string", check = listen_problem },
    type = { "simple", "notify for a program that says when it is ready, such as gunicorn",
      choices = { "simple", "notify", "exec" } },
    user = { "", "the user that it runs as; default the login user" },
    env_file = { "", "a file on the host with its environment, NAME=value on each line; it may be missing" },
    stop_within = { "90s", "how long it may take to finish what it does, before it is killed", type = "duration" },
    within = { "60s", "how long a start may take", type = "duration" },
    settle = { "2s", "how long it must run to count as started", type = "duration" },
    lines = { {}, "more lines for [Service], such as MemoryMax=1G", check = lines_problem },
  })
  local unit = {
    name = settings.name, tag = "", -- for all hosts
    commands = commands(settings.name .. ".service"),
    enable = { settings.name .. (settings.listen and ".socket" or ".service"),
      settings.listen and settings.name .. ".service" or nil },
    files = function(root, user) return files(settings, root, user) end,
  }
  helpers.units[#helpers.units + 1] = unit
  return settings, unit
end

-- service declares a service that serves the application. It returns restart, for app.lua.
local function service(given)
  local settings, unit = declare(given, function(name) return { { "restart", name } } end)
  helpers.add_check(function(host) check_unit(host, unit.name, unit.commands) end)
  local function restart(host)
    control(host, "restart", full_name(unit.name))
    settle(host, unit.name, helpers.seconds(settings.within), function(_, since)
      return clock.now() - since >= helpers.seconds(settings.settle)
    end)
  end
  return { restart = restart }
end

-- Setup

-- problem returns why units cannot be written, or nil. It raises the error of a failing sudo. facts
-- are those of preflight. marks has the first line of each unit by its name, and start says what
-- they start.
local function problem(host, facts, marks, start)
  if not host:test("[ -d /run/systemd/system ] && command -v systemctl >/dev/null") then
    return { "systemd does not run on this host, so --unit can't write a unit",
      "have the host's own init run at boot, as " .. facts.user .. ": " .. start }
  elseif not facts.user:find("^[%w_][%w_.-]*%$?$") then
    return { "\"" .. facts.user .. "\" can't be the user of a unit", "log in as another user" }
  end
  for name, mark in pairs(marks) do
    local path = FOLDER .. name
    if host.fs:exists(path) and host.fs:read(path):match("^[^\n]*") ~= mark then
      return { path .. " exists, and is not for " .. mark:match("for (.*)$"),
        "move it away, or start the site by that one" }
    end
  end
  if facts.uid ~= "0" then
    host:test({ "true" }, { sudo = true })
  end
  return nil
end

-- write writes units, given by name, and enables those in enable. It returns a list of what it did.
local function write(host, facts, texts, enable)
  local done, sudo = {}, facts.uid ~= "0" or nil
  local names = {}
  for name in pairs(texts) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    step("write " .. name, { required = true }, function()
      host:on_change("systemd-" .. name, function()
        host:run({ "systemctl", "daemon-reload" }, { sudo = sudo })
        if name:find("%.socket$") then -- a service takes its new unit at the next release
          host:run({ "systemctl", "try-restart", name }, { sudo = sudo })
        end
      end)
      local said = host:script("unit.sh", name, { stdin = texts[name], changes = false, check = false })
      if not said.ok then
        fail("systemd-analyze refuses " .. name .. ":\n" .. said.stderr, "look at the lines in recipes/app.lua")
      end
      if host:file(FOLDER .. name,
        { text = texts[name], owner = "root", group = "root", mode = "0644", sudo = sudo }) then
        done[#done + 1] = "wrote " .. FOLDER .. name
      end
    end)
  end
  for _, name in ipairs(enable) do
    if not host:test({ "systemctl", "is-enabled", "--quiet", name }) then
      host:run({ "systemctl", "enable", "--quiet", name }, { sudo = sudo })
      done[#done + 1] = "enabled " .. name
    end
  end
  return done
end

-- allow lets the login run commands of systemctl by sudo, and no other. It returns what it did.
local function allow(host, facts, unit)
  if facts.uid == "0" then
    return {}
  end
  -- Do not search the login's PATH, which may have another systemctl.
  local program, path = host:capture("PATH=/usr/bin:/bin; command -v systemctl"), "/etc/sudoers.d/runbook-" .. unit.name
  local lines = {}
  for i, words in ipairs(unit.commands) do
    lines[i] = facts.user .. " ALL=(root) NOPASSWD: " .. program .. " " .. table.concat(words, " ") .. "\n"
  end
  local changed = host:file(path, {
    text = table.concat(lines), owner = "root", group = "root", mode = "0440", sudo = true,
    validate = { "sh", "-c", 'PATH=$PATH:/usr/sbin:/usr/local/sbin; exec visudo -cqf "$1"', "sh", "%s" } })
  return { changed and "wrote " .. path or nil }
end

-- units_for returns the units that app.lua declares for a host.
local function units_for(host)
  local list = {}
  for _, unit in ipairs(helpers.units) do
    list[#list + 1] = (unit.tag == "" or helpers.has_tag(host, unit.tag)) and unit or nil
  end
  return list
end

-- write_declared writes the units that app.lua declares for a host, and lets the login restart
-- them. It returns a list of what it did.
local function write_declared(host, facts, root)
  local done = {}
  for _, unit in ipairs(units_for(host)) do
    local units = write(host, facts, unit.files(root, facts.user), unit.enable)
    for _, list in ipairs({ units, allow(host, facts, unit) }) do
      for _, what in ipairs(list) do
        done[#done + 1] = what
      end
    end
  end
  return done
end

-- declared_marks returns the first lines of the units that app.lua declares for a host, by name.
local function declared_marks(host, root)
  local marks = {}
  for _, unit in ipairs(units_for(host)) do
    for name in pairs(unit.files(root, "root")) do
      marks[name] = MARK .. " for " .. escape(root)
    end
  end
  return marks
end

return {
  service = service, declare = declare, look = look, control = control, check_unit = check_unit, settle = settle,
  problem = problem, write = write, write_declared = write_declared, units_for = units_for,
  declared_marks = declared_marks,
  MARK = MARK, escape = escape, quote_word = quote_word,
}
