-- Runs mod_wsgi-express: writes its configuration in SERVER_ROOT when it would change, and restarts it.

local app = require("options").app
local layout = require "layout"
local served = require "served"
local server_args = require "server_args"

-- RECORD is the file with the command that wrote the configuration.
local RECORD = ".runbook-arguments"

-- LOOK prints what is there, in one round trip:
--   ours      yes, when runbook wrote the configuration           record   the command that it was written by
--   foreign   the command line of somebody else's configuration, from the header of its apachectl
--   envvars   ours or foreign, when there are variables           log      the bytes that the error log has
--   running   yes, when Apache runs. After a reboot the number in httpd.pid may belong to another program, so its
--             command line is compared where it can be read.
--   unloaded  yes, when Apache has not read the configuration yet: it writes httpd.pid at each start and restart.
--   environment   the checksum of the variables that Apache was started with
local LOOK = [[
# look at the server
root=$1 record=$2
if [ -f "$root/$record" ]; then
  printf 'ours\tyes\n'
  [ -x "$root/apachectl" ] && [ -s "$root/$record" ] && printf 'record\t%s\n' "$(cat "$root/$record")"
elif [ -f "$root/apachectl" ] && [ -f "$root/httpd.conf" ]; then
  printf 'foreign\t%s\n' "$(sed -n '3s/^# //p' "$root/apachectl" | head -c 4096)"
fi
if grep -q '^# Written by runbook' "$root/envvars" 2>/dev/null; then printf 'envvars\tours\n'
elif [ -s "$root/envvars" ]; then printf 'envvars\tforeign\n'
fi
[ ! -f "$root/error_log" ] || printf 'log\t%s\n' "$(wc -c < "$root/error_log" | tr -d ' ')"
pid=$(cat "$root/httpd.pid" 2>/dev/null)
[ -n "$pid" ] || exit 0
if [ -r "/proc/$pid/cmdline" ]; then tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$root"
else kill -0 "$pid" 2>/dev/null
fi || exit 0
printf 'running\tyes\n'
[ "$root/httpd.conf" -nt "$root/httpd.pid" ] && printf 'unloaded\tyes\n'
[ ! -r "/proc/$pid/environ" ] ||
  printf 'environment\t%s\n' "$(tr '\0' '\n' < "/proc/$pid/environ" | sed -n 's/^RUNBOOK_ENVIRONMENT=//p')"
exit 0
]]

-- FIND prints the first of the given programs that can be executed. Where the release of the first argument is not made
-- yet, as before a release or in a dry run, the requirements are expected to bring one.
local FIND = [[
# find mod_wsgi-express
dir=$1; shift
for program in "$@"; do
  found=$(command -v "$program") && [ -x "$found" ] && [ ! -d "$found" ] && { echo "$found"; exit 0; }
done
[ $# -eq 1 ] || [ -e "$dir" ] || echo "$1"
]]

-- PACKAGES prints the user's id, and where a Python keeps the packages of a virtualenv: the virtualenv's own Python is asked
-- or, when there is none yet, the one it is made with. The third line is the version of its mod_wsgi, if there is one, because another
-- version may write another configuration.
local PACKAGES = [[
# find mod_wsgi in the virtualenv
python=$1; [ -x "$python" ] || python=$2
exec "$python" - "$3" <<'END'
import os, sys, sysconfig
print(os.getuid())
print(sysconfig.get_path("purelib", "posix_prefix", {"base": sys.argv[1]}))
try:
    from importlib.metadata import version
    print(version("mod_wsgi"))
except ImportError:
    pass
END
]]

-- WRITE_ENVIRONMENT replaces envvars, which apachectl reads, by standard input. Its checksum is one more variable: by it a
-- running Apache tells which variables it was started with.
local WRITE_ENVIRONMENT = [[
# write envvars
umask 077
text=$(cat)
sum=$(printf '%s\n' "$text" | cksum | tr ' ' -)
printf '%s\nexport RUNBOOK_ENVIRONMENT=%s\n' "$text" "$sum" > "$1.new" && mv -f "$1.new" "$1" && printf '%s' "$sum"
]]

-- STOP_AND_START restarts Apache as a new process, which alone takes new limits and variables. A graceful stop closes the
-- port at once and lets requests in flight finish while the new Apache serves already. Seen with mod_wsgi 6.0.5: about
-- 70 ms in which connections are refused, and requests of 8 s that finish.
local STOP_AND_START = [[
# stop and start Apache
root=$1
"$root/apachectl" configtest || exit
"$root/apachectl" graceful-stop || exit
n=0
while [ -e "$root/httpd.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
[ ! -e "$root/httpd.pid" ] || "$root/apachectl" stop
exec "$root/apachectl" start
]]

-- LIMITS prints what Apache complained of since the log had so many bytes: limits that a restart does not change.
local LIMITS = [[
# read the limits that Apache kept
[ -f "$1" ] && tail -c "+$(($2 + 1))" "$1" | grep -E 'AH00(501|506|508|514|516)[: ]' | tail -n 5
exit 0
]]

-- RELOAD_STALE sends USR1 to the daemon processes of a server that do not work in the given release.
local RELOAD_STALE = [[
# restart the processes of other releases
server=$(cat "$1" 2>/dev/null) && [ -n "$server" ] && release=$(cd -P -- "$2" && pwd -P) || exit 0
for stat in /proc/[0-9]*/stat; do
  read -r line 2>/dev/null < "$stat" || continue
  pid=${line%% *}
  set -- ${line##*) }
  [ "$2" = "$server" ] || continue
  case $(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null) in '(wsgi:'*) ;; *) continue ;; esac
  folder=$(readlink "/proc/$pid/cwd" 2>/dev/null) && [ "$folder" != "$release" ] && kill -USR1 "$pid"
done
exit 0
]]

-- KEEP_COPY copies the files of a configuration that is taken over into a folder beside them.
local KEEP_COPY = [[
# keep a copy of the configuration
cd "$1" && mkdir -p .before-runbook && for file in apachectl httpd.conf envvars handler.wsgi rewrite.conf; do
  [ ! -f "$file" ] || cp -p "$file" .before-runbook/ || exit
done
]]

-- server_root returns the folder of the configuration.
local function server_root(options)
  if options.server_root ~= "" then
    return layout.absolute("--server-root", options.server_root)
  end
  return layout.of(options).root .. "/server"
end

-- find returns the program that serves a release, or nil and the problem.
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

-- look returns what LOOK prints, by name; empty with --restart none.
local function look(host, options)
  local found = {}
  if options.restart ~= "none" then
    for line in host:capture({ "sh", "-c", LOOK, "sh", server_root(options), RECORD }):gmatch("[^\n]+") do
      local name, value = line:match("^(%a+)\t(.*)$")
      found[name or ""] = value
    end
  end
  return found
end

-- problem returns what would keep mod_wsgi-express from serving a release, or nil.
local function problem(host, options, name)
  if options.restart == "none" then
    return nil
  end
  local root, found = server_root(options), look(host, options)
  if found.foreign then
    return { root .. " has a mod_wsgi-express configuration that runbook did not write, so it is not replaced",
      server_args.reproduce(found.foreign, root) }
  elseif found.envvars == "foreign" and next(app.env or {}) then
    return { root .. "/envvars has variables that runbook did not write",
      "move them into env = { … } in recipes/app.lua, and empty the file" }
  end
  local program, missing = find(host, options, layout.release(layout.of(options), name))
  return missing or server_args.problem(app.server_args, host, program)
end

-- command returns what writes the configuration for a release, and the version of mod_wsgi it is for. All paths lead
-- through ROOT/current, that of the release's own mod_wsgi-express too: what a program writes about itself stays right when
-- the release it came from is gone. It is run by the Python beside it, because its first line names the release.
local function command(host, options, target)
  local paths = layout.of(options)
  local dir = layout.release(paths, target.name)
  local venv = paths.current .. "/venv"
  local python = dir .. "/venv/bin/python"
  local uid, packages, version = host:capture({ "sh", "-c", PACKAGES, "sh", python, target.python or "", venv })
    :match("^(%d*)\n?([^\n]*)\n?(.*)$")
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
    "--shutdown-timeout", tostring(options.request_seconds),
    "--graceful-timeout", tostring(options.request_seconds),
  }) do
    words[#words + 1] = word
  end
  -- Apache started by root must be told whom to become.
  if uid == "0" then
    for _, word in ipairs({ "--user", app.user, "--group", app.group }) do
      words[#words + 1] = word
    end
  end
  for _, word in ipairs(server_args.resolve(app.server_args, host, program, paths.current)) do
    words[#words + 1] = word
  end
  return { words = words, mod_wsgi = version }
end

-- capacity returns how many requests a recorded command lets Apache serve at a time: processes times threads.
local function capacity(record)
  local size, name = 1, nil
  for _, word in ipairs(record.words) do
    local option, value = word:match("^(%-%-[%w-]+)=(.*)$")
    option, value = option or name, tonumber(value or word)
    if value and (option == "--processes" or option == "--threads") then
      size = size * value
    elseif value and option == "--max-clients" then
      size = math.max(size, value)
    end
    name = word
  end
  return size
end

-- write_environment writes app.lua's env where apachectl reads it, and returns its checksum; nil in a dry run.
local function write_environment(host, options, found)
  local names, lines = {}, { "# Written by runbook from env in app.lua." }
  for name in pairs(app.env or {}) do
    names[#names + 1] = name
  end
  if #names == 0 and found.envvars ~= "ours" then
    return found.environment
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = "export " .. name .. "=" .. quote(app.env[name])
  end
  local written = host:run({ "sh", "-c", WRITE_ENVIRONMENT, "sh", server_root(options) .. "/envvars" },
    { stdin = table.concat(lines, "\n") })
  return written.stdout ~= "" and written.stdout or nil
end

-- configure writes the configuration, unless the same command wrote what is there. Returns whether it did.
local function configure(host, options, wanted, found)
  local record, text = server_root(options) .. "/" .. RECORD, json.encode(wanted)
  if found.record == text then
    return false
  end
  step("configure mod_wsgi-express", function()
    host.fs:mkdir(server_root(options)) -- the program itself makes no folders above it
    host.fs:write(record, "") -- while the command runs, the configuration is ours and of no known command
    host:run(wanted.words)
    host.fs:write(record, text)
  end)
  return true
end

-- STEPS are the titles of the ways to restart.
local STEPS = {
  start = "start mod_wsgi-express",
  stop = "stop mod_wsgi-express",
  restart = "restart mod_wsgi-express",
  graceful = "restart mod_wsgi-express gracefully",
  touch = "restart mod_wsgi-express by a touch",
  full = "stop and start mod_wsgi-express",
}

-- act does one of STEPS.
local function act(host, options, way)
  local root = server_root(options)
  step(STEPS[way], function()
    if way == "touch" then
      -- A daemon process restarts at its next request when the script that it loaded has another time. Apache was told of
      -- handler.wsgi, which loads the application's script; where it was told of that one itself, that one counts.
      host:run({ "touch", root .. "/handler.wsgi", layout.of(options).current .. "/" .. options.wsgi })
    elseif way == "full" then
      host:run({ "sh", "-c", STOP_AND_START, "sh", root })
    else
      if way == "start" then
        served.end_orphans(host, root .. "/httpd.conf")
        host.fs:remove(root .. "/httpd.pid") -- Apache does not start while it names a process, whosever that is
      end
      host:run({ root .. "/apachectl", way })
    end
  end)
end

-- choose returns the way to restart Apache, having said why where it is not the one that --restart asks for. found is what
-- look found; why has grows, environment, unloaded and unwell.
local function choose(options, found, why)
  local way = options.restart
  if not found.running then
    return "start"
  elseif why.grows or why.environment then
    log.info((why.grows and "Apache's limits grow" or "the environment changed") ..
      ", which only a new Apache process takes: stop and start instead of " .. way)
    return "full"
  elseif way == "touch" and (why.unloaded or why.unwell) then
    -- A process that could not import its release retries in place, keeping its working directory and modules.
    log.info((why.unloaded and "a touch does not load a changed configuration" or
      "the processes that serve now do not work, and may ignore a touch") .. ": graceful restart instead")
    return "graceful"
  end
  return way
end

-- apply makes a running or stopped Apache serve what is current, with the configuration and the variables that are there.
local function apply(host, options, found, why)
  local way = choose(options, found, why)
  act(host, options, way)
  if way == "graceful" or way == "restart" then
    local kept = host:capture({ "sh", "-c", LIMITS, "sh", server_root(options) .. "/error_log", found.log or "0" })
    if kept ~= "" then
      log.info("Apache kept its limits over the restart: stop and start")
      act(host, options, "full")
    end
  end
end

-- serve makes mod_wsgi-express serve a release that current points to already. unwell: what served until now did not work.
local function serve(host, options, target, unwell)
  if options.restart == "none" then
    return
  end
  local found, wanted = look(host, options), command(host, options, target)
  local configured = configure(host, options, wanted, found)
  local environment = write_environment(host, options, found)
  apply(host, options, found, {
    unwell = unwell,
    unloaded = configured or found.unloaded,
    environment = environment ~= nil and found.environment ~= nil and environment ~= found.environment,
    grows = found.record ~= nil and capacity(wanted) > capacity(json.decode(found.record)),
  })
end

-- serve_again goes back to what look found before serve: its configuration, and whether anything ran.
local function serve_again(host, options, before)
  if options.restart == "none" then
    return
  end
  local found, configured = look(host, options), false
  if before.record then
    configured = configure(host, options, json.decode(before.record), found)
  end
  if before.running then
    local grows = configured and found.record and capacity(json.decode(before.record)) > capacity(json.decode(found.record))
    apply(host, options, found, { unwell = true, unloaded = configured or found.unloaded, grows = grows })
  elseif found.running then
    act(host, options, "stop")
  end
end

-- reload_stale restarts the daemon processes that still serve another release than the one in dir. At USR1 a process finishes
-- the requests that it has, and goes on serving meanwhile; one that ends already ignores it.
local function reload_stale(host, options, dir)
  host:run({ "sh", "-c", RELOAD_STALE, "sh", server_root(options) .. "/httpd.pid", dir })
end

-- adopt takes a configuration over that runbook did not write, keeping what was there beside it. Returns whether there was one.
local function adopt(host, options)
  local found = look(host, options)
  if not found.foreign then
    return false
  end
  local root = server_root(options)
  host:run({ "sh", "-c", KEEP_COPY, "sh", root })
  host.fs:write(root .. "/" .. RECORD, json.encode({ words = server_args.words(found.foreign), mod_wsgi = "" }))
  return true
end

return {
  problem = problem, server_root = server_root, look = look, serve = serve, serve_again = serve_again, act = act,
  reload_stale = reload_stale, adopt = adopt,
}
