-- The systemd unit that starts the site at boot. It starts Apache as the login's user, by the same script as a release.

local layout = require "layout"
local mod_wsgi = require "mod_wsgi"
local problems = require "problems"

-- UNITS is where an admin's units are.
local UNITS = "/etc/systemd/system/"

-- SYSTEMD fails where systemd does not run.
local SYSTEMD = [[
# look for systemd
[ -d /run/systemd/system ] && command -v systemctl >/dev/null
]]

-- WRITE replaces a unit by standard input.
local WRITE = [[
# write the unit
umask 022
cat > "$1.new" && mv -f "$1.new" "$1" && systemctl daemon-reload
]]

-- UNIT is its text.
local UNIT = [[
%s
[Unit]
Description=Apache of the releases in %s
Wants=network-online.target
After=network-online.target remote-fs.target
ConditionPathExists=%s

[Service]
Type=oneshot
RemainAfterExit=yes
User=%s
ExecStart=/bin/sh %s %s
ExecStop=-%s stop

[Install]
WantedBy=multi-user.target
]]

-- name returns the unit's name: runbook-app.service for /srv/app.
local function name(options)
  local root = layout.of(options).root
  return "runbook-" .. (root:match("^/srv/(.+)$") or root:sub(2)):gsub("[^%w_.]", "-") .. ".service"
end

-- paths returns where the unit is, and the script that it runs.
local function paths(options)
  return UNITS .. name(options), mod_wsgi.server_root(options) .. "/runbook-start"
end

-- escape returns a text for a unit's line, in which % begins a specifier.
local function escape(text)
  return (text:gsub("%%", "%%%%"))
end

-- word returns a text as one word of a unit's command, in which $ begins a variable, too.
local function word(text)
  return '"' .. escape(text):gsub('[\\"]', "\\%0"):gsub("%$", "$$$$") .. '"'
end

-- mark returns the unit's first line, which says that it is runbook's, and for which root.
local function mark(options)
  return "# Written by runbook's setup.lua --unit for " .. layout.of(options).root
end

-- text returns the unit for a login's user.
local function text(options, user)
  local root, _, script = mod_wsgi.server_root(options), paths(options)
  return UNIT:format(mark(options), escape(layout.of(options).root), escape(root .. "/apachectl"), user,
    word(script), word(root), word(root .. "/apachectl"))
end

-- read returns what a file has, or nil where there is none.
local function read(host, path)
  return host.fs:exists(path) and host.fs:read(path) or nil
end

-- become returns how to run a command as root, for a login with this user id.
local function become(uid)
  return uid ~= "0" or nil
end

-- problem returns what stands in the way of the unit, or nil. known is what preflight.facts found.
local function problem(host, options, known)
  local path = paths(options)
  if not host:test({ "sh", "-c", SYSTEMD }) then
    return { "systemd does not run on this host, so --unit can't write a unit",
      "have the host's own init run at boot, as " .. known.user .. ": " .. mod_wsgi.server_root(options) .. "/apachectl start" }
  elseif not known.user:find("^[%w_][%w_.-]*%$?$") then
    return { "\"" .. known.user .. "\" can't be the user of a unit", "log in as another user" }
  end
  local there = read(host, path)
  if there and there:match("^[^\n]*") ~= mark(options) then
    return { path .. " is there, and not for " .. layout.of(options).root, "move it away, or start the site by that one" }
  end
  return become(known.uid) and problems.of(host, host.test, host, { "true" }, { sudo = true })
end

-- write writes the unit and enables it. Returns what it did, as a list.
local function write(host, options, known)
  local path, script = paths(options)
  local done, sudo = {}, become(known.uid)
  local wanted = text(options, known.user)
  host.fs:mkdir(mod_wsgi.server_root(options))
  if read(host, script) ~= mod_wsgi.START then
    host.fs:write(script, mod_wsgi.START, { mode = "0755" })
    done[#done + 1] = "wrote " .. script
  end
  if read(host, path) ~= wanted then
    host:run({ "sh", "-c", WRITE, "sh", path }, { sudo = sudo, stdin = wanted })
    done[#done + 1] = "wrote " .. path
  end
  if not host:test({ "systemctl", "is-enabled", "--quiet", name(options) }) then
    host:run({ "systemctl", "enable", "--quiet", name(options) }, { sudo = sudo })
    done[#done + 1] = "enabled " .. name(options)
  end
  return done
end

return { problem = problem, write = write }
