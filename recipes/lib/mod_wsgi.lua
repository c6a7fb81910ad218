-- mod_wsgi-express: its configuration in SERVER_ROOT, written again only when it would change, and its restart.

local app = require("options").app
local layout = require "layout"
local served = require "served"

-- RECORD holds the command that wrote the configuration.
local RECORD = ".runbook-arguments"

-- What is there, by one round trip: the command that wrote the configuration, and whether Apache runs. After a reboot
-- the number in httpd.pid may be another program's, so its command line is looked at where that can be read.
local LOOK = [[
# look at the server
root=$1 record=$2
[ -x "$root/apachectl" ] && [ -f "$root/$record" ] && printf 'record\t%s\n' "$(cat "$root/$record")"
pid=$(cat "$root/httpd.pid" 2>/dev/null)
[ -n "$pid" ] || exit 0
if [ -r "/proc/$pid/cmdline" ]; then tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$root"
else kill -0 "$pid" 2>/dev/null
fi && printf 'running\tyes\n'
exit 0
]]

-- Prints the first of the given programs that can be run. Where the release of the first argument isn't made yet, as
-- before a release or in a dry run, it is taken that the requirements will bring its own.
local FIND = [[
# find mod_wsgi-express
dir=$1; shift
for program in "$@"; do
  found=$(command -v "$program") && [ -x "$found" ] && [ ! -d "$found" ] && { echo "$found"; exit 0; }
done
[ $# -eq 1 ] || [ -e "$dir" ] || echo "$1"
]]

-- Prints where a Python keeps the packages of a virtualenv: by the virtualenv's own, or, when there is none, by the
-- Python that it is to be made with. On a second line the version of its mod_wsgi, if there is one: another version
-- may write another configuration.
local PACKAGES = [[
# find mod_wsgi in the virtualenv
python=$1; [ -x "$python" ] || python=$2
exec "$python" - "$3" <<'END'
import sys, sysconfig
print(sysconfig.get_path("purelib", "posix_prefix", {"base": sys.argv[1]}))
try:
    from importlib.metadata import version
    print(version("mod_wsgi"))
except ImportError:
    pass
END
]]

-- server_root is the folder of the configuration.
local function server_root(options)
  if options.server_root ~= "" then
    return layout.absolute("--server-root", options.server_root)
  end
  return layout.of(options).root .. "/server"
end

-- find returns the program that a release is served by, or nil and the problem.
local function find(host, options, dir)
  local candidates = { dir .. "/venv/bin/mod_wsgi-express", "mod_wsgi-express" }
  local where = "neither in the release's virtualenv nor on PATH"
  if options.mod_wsgi_express ~= "" then
    candidates, where = { options.mod_wsgi_express }, "not at " .. options.mod_wsgi_express
  end
  local found = host:capture({ "sh", "-c", FIND, "sh", dir, unpack(candidates) })
  if found ~= "" then
    return found
  end
  return nil, { "there is no mod_wsgi-express: " .. where,
    "put mod_wsgi into the requirements, name the program with --mod-wsgi-express, or go without by --restart none" }
end

-- problem says what would keep mod_wsgi-express from serving a release, or nil.
local function problem(host, options, name)
  if options.restart == "none" then
    return nil
  end
  server_root(options) -- fails when it is no path
  return select(2, find(host, options, layout.release(layout.of(options), name)))
end

-- command is what writes the configuration for a release, and the version of mod_wsgi it is for. All paths lead through
-- ROOT/current, that of the release's own mod_wsgi-express too: what a program writes of itself then stays right when
-- the release it came from is long gone. It has to be run by the Python beside it, since its first line names the
-- release.
local function command(host, options, target)
  local paths = layout.of(options)
  local dir = layout.release(paths, target.name)
  local venv = paths.current .. "/venv"
  local python = dir .. "/venv/bin/python"
  local packages, version = host:capture({ "sh", "-c", PACKAGES, "sh", python, target.python or "", venv })
    :match("^([^\n]*)\n?(.*)$")
  local program, missing = find(host, options, dir)
  if not program then
    fail(unpack(missing))
  end
  local words = { program }
  if program == dir .. "/venv/bin/mod_wsgi-express" then
    words = { venv .. "/bin/python", venv .. "/bin/mod_wsgi-express" }
  end
  for _, word in ipairs({
    "setup-server", paths.current .. "/" .. options.wsgi,
    "--server-root", server_root(options),
    "--port", tostring(options.port),
    "--processes", tostring(options.processes),
    "--threads", tostring(options.threads),
    "--working-directory", paths.current,
    "--python-path", packages,
  }) do
    words[#words + 1] = word
  end
  -- Apache started by root must be told whom to become.
  if host:capture({ "id", "-u" }) == "0" then
    for _, word in ipairs({ "--user", app.user, "--group", app.group }) do
      words[#words + 1] = word
    end
  end
  return { words = words, mod_wsgi = version }
end

-- look returns what is there: record, the command that wrote the configuration, or nil; running, "yes" or nil.
local function look(host, options)
  local found = {}
  if options.restart == "none" then
    return found
  end
  for line in host:capture({ "sh", "-c", LOOK, "sh", server_root(options), RECORD }):gmatch("[^\n]+") do
    local name, value = line:match("^(%a+)\t(.*)$")
    found[name or ""] = value
  end
  return found
end

-- configure writes the configuration, unless the same command wrote what is there. Returns whether it did.
local function configure(host, options, wanted, found)
  local record, text = server_root(options) .. "/" .. RECORD, json.encode(wanted)
  if found.record == text then
    return false
  end
  step("configure mod_wsgi-express", function()
    -- The record goes first: what a command that fails half-way leaves behind is nobody's configuration.
    host.fs:remove(record)
    host.fs:mkdir(server_root(options)) -- the program itself makes no folders above it
    host:run(wanted.words)
    host.fs:write(record, text)
  end)
  return true
end

-- STEPS are the titles of the ways to restart.
local STEPS = {
  start = "start mod_wsgi-express",
  restart = "restart mod_wsgi-express",
  graceful = "restart mod_wsgi-express gracefully",
  touch = "restart mod_wsgi-express by a touch",
}

-- restart makes Apache serve what is current, in the way that --restart says. changed says that the configuration did, back
-- that a release which isn't well is to go.
local function restart(host, options, changed, running, back)
  local root, way = server_root(options), options.restart
  if not running then
    way = "start"
  elseif way == "touch" and back then
    -- After a touch each process stays with the bad release until a request comes to it, which can take a while.
    way = "graceful"
  elseif way == "touch" and changed then
    -- The numbers of processes and threads would stay as they were, and so would mod_wsgi itself.
    log.info("the configuration changed, which a touch doesn't bring about: graceful instead")
    way = "graceful"
  end
  step(STEPS[way], function()
    if way == "start" then
      served.end_orphans(host, root .. "/httpd.conf")
      host.fs:remove(root .. "/httpd.pid") -- Apache doesn't start while it names a process, whosever that is
    end
    if way == "touch" then
      -- A daemon process starts anew when the script changes that Apache was told of. That is handler.wsgi, which
      -- loads the application's; where Apache was told of the application's itself, it is that one.
      host:run({ "touch", root .. "/handler.wsgi", layout.of(options).current .. "/" .. options.wsgi })
    else
      host:run({ root .. "/apachectl", way })
    end
  end)
end

-- serve makes mod_wsgi-express serve a release that current leads to already.
local function serve(host, options, target)
  if options.restart ~= "none" then
    local found = look(host, options)
    local changed = configure(host, options, command(host, options, target), found)
    restart(host, options, changed, found.running)
  end
end

-- serve_again goes back to what look found before serve: its configuration, and whether anything ran.
local function serve_again(host, options, before)
  if options.restart == "none" then
    return
  end
  local found, changed = look(host, options), false
  if before.record then
    changed = configure(host, options, json.decode(before.record), found)
  end
  if before.running then
    restart(host, options, changed, found.running, true)
  elseif found.running then
    step("stop mod_wsgi-express", function()
      host:run({ server_root(options) .. "/apachectl", "stop" })
    end)
  end
end

return { problem = problem, server_root = server_root, look = look, serve = serve, serve_again = serve_again }
