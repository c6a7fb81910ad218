-- Runs mod_wsgi-express: writes its configuration in SERVER_ROOT when it would change, and restarts it.

local app = require("options").app
local layout = require "layout"
local served = require "served"
local server_args = require "server_args"

-- RECORD is the file with the command that wrote the configuration.
local RECORD = ".runbook-arguments"

-- IS_RUNNING says in a script whether the Apache of $root runs, whose process id is $pid then. After a reboot the number in
-- httpd.pid may belong to another program, so its command line is compared where it can be read.
local IS_RUNNING = [[
is_running() {
  pid=$(cat "$root/httpd.pid" 2>/dev/null) && [ -n "$pid" ] || return
  if [ -r "/proc/$pid/cmdline" ]; then tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "$root"
  else kill -0 "$pid" 2>/dev/null
  fi
}
]]

-- LOOK prints what is there, in one round trip:
--   ours      yes, when runbook wrote the configuration           record   the command that it was written by
--   foreign   the command line of somebody else's configuration, from the header of its apachectl
--   envvars   ours or foreign, when there are variables           written  the checksum of ours
--   log       the bytes that the error log has
--   running   yes, when Apache runs
--   unloaded  yes, when Apache has not read the configuration yet: it writes httpd.pid at each start and restart.
--   environment   the checksum of the variables that Apache was started with
local LOOK = [[
# look at the server
root=$1 record=$2
]] .. IS_RUNNING .. [[
if [ -f "$root/$record" ]; then
  printf 'ours\tyes\n'
  [ -x "$root/apachectl" ] && [ -s "$root/$record" ] && printf 'record\t%s\n' "$(head -c 65536 "$root/$record" | tr '\n' ' ')"
elif [ -f "$root/apachectl" ] && [ -f "$root/httpd.conf" ]; then
  printf 'foreign\t%s\n' "$(sed -n '3s/^# //p' "$root/apachectl" | head -c 16384)"
fi
if grep -q '^# Written by runbook' "$root/envvars" 2>/dev/null; then
  printf 'envvars\tours\nwritten\t%s\n' "$(sed -n '$s/^export RUNBOOK_ENVIRONMENT=//p' "$root/envvars")"
elif [ -s "$root/envvars" ]; then printf 'envvars\tforeign\n'
fi
[ ! -f "$root/error_log" ] || printf 'log\t%s\n' "$(wc -c < "$root/error_log" | tr -d ' ')"
is_running || exit 0
[ ! -r "/proc/$pid/environ" ] ||
  printf 'environment\t%s\n' "$(tr '\0' '\n' < "/proc/$pid/environ" | sed -n 's/^RUNBOOK_ENVIRONMENT=//p')"
[ "$root/httpd.conf" -nt "$root/httpd.pid" ] && printf 'unloaded\tyes\n'
printf 'running\tyes\n' # last, because what ends with an empty value would be trimmed
exit 0
]]

-- FIND prints the first of the given programs that can be executed.
local FIND = [[
# find mod_wsgi-express
for program in "$@"; do
  found=$(command -v "$program") && [ -x "$found" ] && [ ! -d "$found" ] && { echo "$found"; exit 0; }
done
exit 0
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

-- START_APACHE defines start_apache in a script. The children of an Apache that was just stopped may keep the port for a moment
-- after httpd.pid is gone; seen with mod_wsgi 6.0.5, once in ten.
local START_APACHE = [[
start_apache() {
  n=0
  until said=$("$root/apachectl" start 2>&1); do
    n=$((n + 1))
    case $said in *AH00072:*) [ $n -gt 50 ] || { sleep 0.1; continue; } ;; esac
    printf '%s\n' "$said" >&2
    exit 1
  done
  printf '%s\n' "$said" >&2
}
]]

-- START starts Apache unless it runs. A process id that a killed Apache or another boot left keeps it from starting, whosever
-- that is now, and so does the port that its orphans keep. Argument: SERVER_ROOT.
local START = [[
# start Apache
root=$1
]] .. IS_RUNNING .. [[
is_running && exit 0
]] .. served.ORPHANS .. START_APACHE .. [[
end_orphans "$root/httpd.conf"
rm -f "$root/httpd.pid" && start_apache
]]

-- STOP stops Apache, which lets requests in flight finish within so many seconds, and waits until it has ended. A graceful
-- stop removes httpd.pid and closes the port at once. Arguments: SERVER_ROOT, and the seconds.
local STOP = [[
# stop Apache
root=$1 n=$(($2 * 10))
pid=$(cat "$root/httpd.pid" 2>/dev/null) && [ -n "$pid" ] || exit 0
runs() { kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; }
ended() { while runs; do n=$((n - 1)); [ "$n" -gt 0 ] || return; sleep 0.1; done; }
"$root/apachectl" graceful-stop || exit
ended || { echo "requests were still in flight"; n=100; kill -TERM "$pid"; ended; } ||
  { echo "process $pid does not end" >&2; exit 1; }
rm -f "$root/httpd.pid"
]]

-- STOP_AND_START restarts Apache as a new process, which alone takes new limits and variables. The new one serves already
-- while requests in flight of the old one finish. Seen with mod_wsgi 6.0.5: about 70 ms in which connections are refused,
-- and requests of 8 s that finish.
local STOP_AND_START = [[
# stop and start Apache
root=$1
]] .. START_APACHE .. [[
gone() {
  n=0
  while [ -e "$root/httpd.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
  [ ! -e "$root/httpd.pid" ]
}
"$root/apachectl" configtest && "$root/apachectl" graceful-stop || exit
gone || { "$root/apachectl" stop && gone; } || { echo "Apache does not stop: $root/httpd.pid stays" >&2; exit 1; }
start_apache
]]

-- LIMITS prints what Apache complained of since the log had so many bytes: limits that a restart did not raise. It keeps
-- higher ones, too (AH00501, AH00506), which cut nothing.
local LIMITS = [[
# read the limits that Apache kept
[ -f "$1" ] && tail -c "+$(($2 + 1))" "$1" | grep -E 'AH00(508|514|516)[: ]' | tail -n 5
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

-- COPY copies the files of a configuration from one folder to another.
local COPY = [[
# copy the configuration
for file in apachectl httpd.conf envvars handler.wsgi resource.wsgi default.wsgi rewrite.conf; do
  [ ! -f "$1/$file" ] || cp -p "$1/$file" "$2/" || exit
done
]]

-- KEPT is the folder in SERVER_ROOT with the files of a configuration that was taken over.
local KEPT = "/.before-runbook"

-- ADOPTABLE fails where the login may not change a configuration, or not stop the Apache that runs with it.
local ADOPTABLE = [[
# see whether the configuration can be taken over
root=$1
]] .. IS_RUNNING .. [[
for file in "$root" "$root/httpd.conf" "$root/apachectl"; do
  [ -w "$file" ] || { echo "$(id -un) may not write to $file"; exit; }
done
! is_running || kill -0 "$pid" 2>/dev/null || echo "its Apache, process $pid, runs as another user than $(id -un)"
]]

-- server_root returns the folder of the configuration.
local function server_root(options)
  if options.server_root ~= "" then
    return layout.absolute("--server-root", options.server_root)
  end
  return layout.of(options).root .. "/server"
end

-- find returns the program that serves a release, or nil and the problem. Where the release is not built yet, as before a release
-- and in a dry run, its requirements are expected to bring one.
local function find(host, options, dir, built)
  local candidates = { dir .. "/venv/bin/mod_wsgi-express", "mod_wsgi-express" }
  local where = "neither in the release's virtualenv nor on PATH"
  if options.mod_wsgi_express ~= "" then
    candidates, where = { options.mod_wsgi_express }, "not at " .. options.mod_wsgi_express
  end
  local found = host:capture({ "sh", "-c", FIND, "sh", unpack(candidates) })
  if found ~= "" then
    return found
  elseif not built and #candidates > 1 then
    return candidates[1]
  end
  return nil, { "there is no mod_wsgi-express: " .. where,
    "put mod_wsgi into the requirements, name the program with --mod-wsgi-express, or go without by --restart none" }
end

-- ask returns what LOOK prints, by name.
local function ask(host, options)
  local found = {}
  for line in host:capture({ "sh", "-c", LOOK, "sh", server_root(options), RECORD }):gmatch("[^\n]+") do
    local name, value = line:match("^(%a+)\t(.*)$")
    found[name or ""] = value
  end
  if found.record and not pcall(json.decode, found.record) then
    found.record = nil -- cut short by a full disk, or somebody else's: the configuration is written again
  end
  return found
end

-- look returns the same; empty with --restart none.
local function look(host, options)
  return options.restart ~= "none" and ask(host, options) or {}
end

-- problem returns what would keep mod_wsgi-express from serving a release, or nil. built says whether the release is there: what a
-- run that died left of one is made again.
local function problem(host, options, name, built)
  if options.restart == "none" then
    return nil
  end
  local root, paths, found = server_root(options), layout.of(options), look(host, options)
  local dir = layout.release(paths, name)
  local program, missing = find(host, options, dir, built)
  if program == dir .. "/venv/bin/mod_wsgi-express" and not built then
    -- Until the release is made, the one that is current is asked: it mostly has the same version.
    program = paths.current .. "/venv/bin/mod_wsgi-express"
  end
  if found.foreign then
    return { root .. " has a mod_wsgi-express configuration that runbook did not write, so it is not replaced",
      server_args.reproduce(found.foreign, root, host, program) }
  elseif found.envvars == "foreign" and next(app.env or {}) then
    return { root .. "/envvars has variables that runbook did not write",
      "move them into env = { … } in recipes/app.lua, and empty the file" }
  end
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
  local program, missing = find(host, options, dir, host.fs:exists(python))
  if not program then
    fail(unpack(missing))
  end
  local entry = paths.current .. "/" .. options.wsgi
  if server_args.value(app.server_args, "--application-type") == "module" then
    entry = options.wsgi:gsub("%.py$", ""):gsub("/", ".")
  end
  local words = { program }
  if program == dir .. "/venv/bin/mod_wsgi-express" then
    words = { venv .. "/bin/python", venv .. "/bin/mod_wsgi-express" }
  end
  for _, word in ipairs({
    "setup-server", entry,
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

-- environment returns what envvars, which apachectl reads, is to hold, and its checksum; nil when it is left alone. The checksum
-- is one more variable: by it a running Apache tells which variables it was started with.
local function environment(host, found)
  local names, lines = {}, { "# Written by runbook from env in recipes/app.lua." }
  for name in pairs(app.env or {}) do
    names[#names + 1] = name
  end
  if #names == 0 and found.envvars ~= "ours" then
    return nil
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = "export " .. name .. "=" .. quote(app.env[name])
  end
  local text = table.concat(lines, "\n") .. "\n"
  local sum = host:capture({ "cksum" }, { stdin = text }):gsub("%s+", "-")
  return text .. "export RUNBOOK_ENVIRONMENT=" .. sum .. "\n", sum
end

-- The envvars that were replaced in this run, by host, to go back to. They stay here because they hold secrets.
local replaced = {}

-- write_environment writes app.lua's env, unless it is there. Returns whether Apache runs with other variables.
local function write_environment(host, options, found)
  local path = server_root(options) .. "/envvars"
  local text, sum = environment(host, found)
  if not text then
    return false
  elseif found.written ~= sum then
    step("write the environment", function()
      replaced[host.name] = replaced[host.name] or host.fs:exists(path) and host.fs:read(path) or ""
      host.fs:write(path, text, { mode = "0600" })
    end)
  end
  return found.environment ~= nil and found.environment ~= sum
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
    if wanted.adopted then
      host:run({ "sh", "-c", COPY, "sh", server_root(options) .. KEPT, server_root(options) })
    else
      host:run(wanted.words)
    end
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
    elseif way == "start" then
      local ended = host:run({ "sh", "-c", START, "sh", root }).stdout:match("ended process[^\n]*")
      if ended then
        log.warn("Apache was killed, and its children went on without it: " .. ended)
      end
    elseif way == "stop" then
      if host:run({ "sh", "-c", STOP, "sh", root, tostring(options.request_seconds) }).stdout:find("in flight") then
        log.warn("some requests took longer than request_seconds, " .. options.request_seconds .. " s, and were ended")
      end
    else
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
  apply(host, options, found, {
    unwell = unwell,
    unloaded = configured or found.unloaded,
    environment = write_environment(host, options, found),
    grows = found.record ~= nil and capacity(wanted) > capacity(json.decode(found.record)),
  })
end

-- serve_again goes back to what look found before serve: its configuration and variables, and whether anything ran.
local function serve_again(host, options, before)
  if options.restart == "none" then
    return
  end
  local found, configured = look(host, options), false
  if before.record then
    configured = configure(host, options, json.decode(before.record), found)
  end
  if replaced[host.name] then
    host.fs:write(server_root(options) .. "/envvars", replaced[host.name], { mode = "0600" })
    replaced[host.name] = nil
  end
  if before.running then
    local grows = configured and found.record and capacity(json.decode(before.record)) > capacity(json.decode(found.record))
    apply(host, options, found, {
      unwell = true, unloaded = configured or found.unloaded, grows = grows, environment = found.environment ~= before.environment,
    })
  elseif found.running then
    act(host, options, "stop")
  end
end

-- reload_stale restarts the daemon processes that still serve another release than the one in dir. At USR1 a process finishes
-- the requests that it has, and goes on serving meanwhile; one that ends already ignores it.
local function reload_stale(host, options, dir)
  host:run({ "sh", "-c", RELOAD_STALE, "sh", server_root(options) .. "/httpd.pid", dir })
end

-- foreign returns the command line of a configuration that runbook did not write, or nil, and why it cannot be taken over.
local function foreign(host, options)
  local header = ask(host, options).foreign
  local why = header and host:capture({ "sh", "-c", ADOPTABLE, "sh", server_root(options) }) or ""
  return header, why ~= "" and { server_root(options) .. " cannot be taken over: " .. why, "log in as the user it belongs to" } or nil
end

-- adopt takes the configuration over that foreign found, and keeps it to go back to.
local function adopt(host, options, header)
  local root = server_root(options)
  host.fs:mkdir(root .. KEPT, { mode = "0700" })
  host:run({ "sh", "-c", COPY, "sh", root, root .. KEPT })
  host.fs:write(root .. "/" .. RECORD, json.encode({ words = server_args.words(header), mod_wsgi = "", adopted = true }))
end

return {
  problem = problem, server_root = server_root, look = look, serve = serve, serve_again = serve_again, act = act,
  reload_stale = reload_stale, foreign = foreign, adopt = adopt, START = START, KEPT = KEPT,
}
