-- mod_wsgi-express: its configuration in SERVER_ROOT, its start, stop and restart, and the systemd
-- unit that starts it at boot.

local common = require "options"
local app = common.app
local helpers = require "helpers"
local releases = require "releases"
local systemd = require "systemd"

-- server_args has the functions for server_args = { … } of app.lua: more options for setup-server,
-- checked against the program's own --help.
local server_args = {}

-- parse returns the options that a help text of optparse lists, each with the metavars of its
-- values: { ["--url-alias"] = { "URL-PATH", "FILE-PATH|DIRECTORY-PATH" }, ["--http2"] = {} }.
function server_args.parse(help)
  local options = {}
  for line in help:gmatch("[^\n]+") do
    local option, rest = line:match("^  ?(%-%-[%w-]+)(.*)$")
    if option then
      options[option] = {}
      local values = rest:match("^[= ](%S.*)$")
      for metavar in ((values or "") .. "  "):match("^(.-)%s%s"):gmatch("%S+") do
        table.insert(options[option], metavar)
      end
    end
  end
  return options
end

-- known returns the options of a program's setup-server, or nil where it does not run, as before
-- its release exists.
local function known(host, program)
  if not program then
    return nil
  end
  local options = server_args.parse(host:capture({ program, "setup-server", "--help" }, { check = false }))
  return next(options) and options or nil
end

-- walk calls fn(option, values, metavars) for each option of server_args. values is nil for a word
-- that belongs to no option. options has the metavars of each option's values.
function server_args.walk(words, options, fn)
  local i = 1
  while i <= #words do
    local option = common.option_name(words[i])
    local attached = option and words[i]:sub(#option + 1, #option + 1) == "="
    local takes = options[option or ""]
    local values = {}
    if attached then
      values[1] = words[i]:sub(#option + 2)
    end
    while takes and #values < #takes and words[i + 1] do
      i = i + 1
      values[#values + 1] = words[i]
    end
    fn(option or words[i], option and values or nil, takes)
    i = i + 1
  end
end

-- problem returns what is wrong with server_args according to the program's --help, or nil.
function server_args.problem(args, host, program)
  local options = #args > 0 and known(host, program) or nil
  local found
  if options then
    server_args.walk(args, options, function(option, values, takes)
      if found then
        return
      elseif not values then
        found = "\"" .. option .. "\" belongs to no option"
      elseif not takes then
        found = option .. " is not an option of it"
      elseif #values ~= #takes then
        found = option .. " takes " .. #takes .. " value" .. (#takes == 1 and "" or "s") .. ": " ..
          table.concat(takes, " ")
      end
    end)
  end
  return found and { "server_args in recipes/app.lua does not fit " .. program .. ": " .. found,
    program .. " setup-server --help lists the options" } or nil
end

-- resolve returns server_args with relative paths, which are in the repository, replaced by paths
-- under ROOT/current.
function server_args.resolve(args, host, program, current)
  local options = #args > 0 and known(host, program) or nil
  if not options then
    return args
  end
  local list = {}
  server_args.walk(args, options, function(option, values, takes)
    list[#list + 1] = option
    for i, value in ipairs(values or {}) do
      local kind = takes and takes[i] or ""
      local path = kind:find("FILE%-PATH") or kind:find("DIRECTORY%-PATH") or kind:find("SCRIPT%-PATH")
      list[#list + 1] = path and value:sub(1, 1) ~= "/" and current .. "/" .. value or value
    end
  end)
  return list
end

-- ESCAPES has the escapes of Python's repr that are neither the character itself nor a number.
local ESCAPES = { n = "\n", r = "\r", t = "\t" }

-- DIGITS has the number of hex digits after \x, \u and \U.
local DIGITS = { x = 2, u = 4, U = 8 }

-- utf8 returns the character with a number.
local function utf8(number)
  if number < 0x80 then
    return string.char(number)
  end
  local bytes, first = "", number < 0x800 and 0xC0 or number < 0x10000 and 0xE0 or 0xF0
  for _ = 1, number < 0x800 and 1 or number < 0x10000 and 2 or 3 do
    bytes = string.char(0x80 + number % 64) .. bytes
    number = math.floor(number / 64)
  end
  return string.char(first + number % 64) .. bytes
end

-- decode_escape returns the character of an escape whose letter is at i, and its length without the
-- backslash.
local function decode_escape(text, i)
  local letter = text:sub(i, i)
  local count = DIGITS[letter] or 0
  local number = count > 0 and tonumber(text:match("^%x+", i + 1) and text:sub(i + 1, i + count) or "", 16)
  if number and number < 0x110000 then
    return utf8(number), 1 + count
  end
  return ESCAPES[letter] or letter, 1
end

-- words parses a list of strings as Python prints it: ['setup-server', "it's"].
function server_args.words(text)
  local list, i = {}, 1
  while true do
    local start, _, mark = text:find("(['\"])", i)
    if not start then
      return list
    end
    local word, j = {}, start + 1
    while j <= #text and text:sub(j, j) ~= mark do
      local char, length = text:sub(j, j), 0
      if char == "\\" then
        char, length = decode_escape(text, j + 1)
      end
      word[#word + 1], j = char, j + 1 + length
    end
    list[#list + 1], i = table.concat(word), j + 1
  end
end

-- to_lua returns a text as a Lua string literal.
local function to_lua(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    return char:find("%c") and ("\\%03d"):format(char:byte()) or "\\" .. char
  end) .. '"'
end

-- DEFAULTS has the defaults of setup-server.
local DEFAULTS = { port = "8000", processes = "1", threads = "5" }

-- repository_path returns the path of a WSGI script in the repository, from its path and the
-- application's folder. It returns the name of the file where the script is not inside the folder.
local function repository_path(path, folder)
  local within = folder and path:sub(1, #folder + 1) == folder:gsub("/+$", "") .. "/" and path:sub(#folder + 2)
  return within or path:sub(1, 1) ~= "/" and path or path:match("[^/]+$") or path
end

-- settings returns the settings of app.lua for a command line of setup-server, by name, and
-- server_args. options has the options of the program.
local function settings(argv, options)
  local set, rest = {}, {}
  local takes = setmetatable({}, { __index = function(_, option)
    local full, _, flag = common.reserved(option)
    return options[option] or full and (flag and {} or { "VALUE" }) or nil
  end })
  server_args.walk({ unpack(argv, 3) }, takes, function(option, values)
    local full, setting = common.reserved(option)
    if not values and not set.wsgi then
      set.wsgi = option
    elseif full then
      set[setting] = values and values[1]
      set.folder = full == "--working-directory" and values[1] or set.folder
    else
      rest[#rest + 1] = to_lua(option)
      for _, value in ipairs(values or {}) do
        rest[#rest + 1] = to_lua(value)
      end
    end
  end)
  set.wsgi = set.wsgi and repository_path(set.wsgi, set.folder)
  return set, rest
end

-- reproduce returns the lines of app.lua that take over a configuration, from the command line in
-- its header. It asks the program for its options.
function server_args.reproduce(header, root, host, program)
  local argv = server_args.words(header)
  local set, rest = settings(argv, known(host, program) or {})
  local lines = { "server_root = " .. to_lua(root) .. "," }
  for _, setting in ipairs({ "wsgi", "port", "processes", "threads", "user", "group", "request_seconds" }) do
    local text = set[setting] or (#argv > 0 and DEFAULTS[setting] or nil)
    lines[#lines + 1] = text and setting .. " = " .. (text:find("^%d+$") and text or to_lua(text)) .. "," or nil
  end
  if #rest > 0 then
    lines[#lines + 1] = "server_args = { " .. table.concat(rest, ", ") .. " },"
  end
  if set.env then
    lines[#lines + 1] = "env = { … }, -- what " .. set.env .. " exports"
  end
  return (#argv > 0 and "it was written by: " .. table.concat(argv, " ") .. "\n" or "") ..
    "to take it over, put these lines into recipes/app.lua and run recipes/setup.lua --adopt:\n  " ..
    table.concat(lines, "\n  ") ..
    "\nor name another --server-root"
end

-- RECORD is the file that holds the command that wrote the configuration.
local RECORD = ".runbook-arguments"

-- KEPT is the folder in SERVER_ROOT for the files of a configuration that was taken over.
local KEPT = "/.before-runbook"

-- server_root returns the folder of the configuration.
local function server_root(options)
  if options.server_root ~= "" then
    return helpers.absolute("--server-root", options.server_root)
  end
  return releases.paths(options).root .. "/server"
end

-- apache_group returns the group of Apache when the login is root.
local function apache_group()
  return app.group ~= "" and app.group or app.user
end

-- reach_problem returns why Apache cannot read the releases when the login is root, or nil: then
-- Apache has another user. facts are those of preflight. folders are more folders that it must
-- reach.
local function reach_problem(host, options, facts, folders)
  if facts.uid ~= "0" or options.restart == "none" or app.user == "root" then
    return nil
  elseif facts.umask:find("[1-7]$") and not facts.umask:find("2$") then
    return { "with umask " .. facts.umask .. ", " .. app.user .. ", the user of Apache, cannot read the release",
      "in recipes/app.lua, the last digit of umask must be 0 or 2" }
  end
  local paths = releases.paths(options)
  local folder, mode = helpers.record(host:script("reach.sh", app.user, apache_group(), paths.root, paths.releases,
    server_root(options), folders, { changes = false }).stdout)
  return folder and { app.user .. ", the user of Apache, cannot enter " .. folder .. " (" .. mode .. ")",
    "on the host: chmod o+x " .. quote(folder) } or nil
end

-- control runs an action of mod_wsgi.sh that changes something, and returns the record it prints.
local function control(host, options, action, ...)
  return helpers.record(host:script("mod_wsgi.sh", action, server_root(options), { ... }).stdout)
end

-- query runs an action of mod_wsgi.sh that only reads, and returns its output.
local function query(host, options, action, ...)
  return host:script("mod_wsgi.sh", action, server_root(options), { ... }, { changes = false }).stdout
end

-- candidates returns the programs that may serve a release, in order.
local function candidates(options, dir)
  return options.mod_wsgi_express ~= "" and { options.mod_wsgi_express }
    or { dir .. "/venv/bin/mod_wsgi-express", "mod_wsgi-express" }
end

-- choose_program returns the program that serves a release, or nil and the problem. found is the
-- state from ask. Before the release is built, as in a dry run, it is assumed to have the program.
local function choose_program(options, found, dir, built)
  if found.program then
    return found.program
  elseif not built and options.mod_wsgi_express == "" then
    return candidates(options, dir)[1]
  end
  return nil, { "there is no mod_wsgi-express: " ..
    (options.mod_wsgi_express ~= "" and "not at " .. options.mod_wsgi_express
    or "neither in the release's virtualenv nor on PATH"),
    "put mod_wsgi into the requirements, name the program with --mod-wsgi-express, or go without by --restart none" }
end

-- ask returns the state that mod_wsgi.sh look prints, by name. With a WSGI script or a port, "" for
-- none, it looks for what the login cannot do here. dir is the release with the program, or nil.
local function ask(host, options, script, port, dir)
  local found = {}
  local text = query(host, options, "look", RECORD, script, port, unpack(dir and candidates(options, dir) or {}))
  for _, record in ipairs(helpers.records(text)) do
    found[record[1]] = record[2]
  end
  if found.record and not pcall(json.decode, found.record) then
    found.record = nil -- cut short by a full disk, or foreign: the configuration is written again
  end
  return found
end

-- look returns the state from ask, without obstacles. With --restart none the state is empty.
local function look(host, options, dir)
  return options.restart ~= "none" and ask(host, options, "", "", dir) or {}
end

-- stranger returns why this login cannot restart Apache, or nil: it runs as another user. Where
-- admins share it by a group, a touch works, because it needs no signal. But a touch loads no
-- changed settings; serve detects that.
local function stranger(options, found)
  local shared = common.shared_group() ~= ""
  return found.theirs and not (shared and options.restart == "touch") and {
    "Apache was started by " .. found.theirs .. ", so only " .. found.theirs .. " or root can restart it",
    "log in as " .. found.theirs .. (shared and ", or --restart touch" or "") } or nil
end

-- problem returns why mod_wsgi-express cannot serve a release, or nil. built is whether the release
-- is complete: what a killed run left of a release is made again.
local function problem(host, options, name, built)
  if options.restart == "none" then
    return nil
  end
  local root, paths = server_root(options), releases.paths(options)
  local dir, address = releases.dir(paths, name), common.server_arg("--host") or "127.0.0.1"
  local found = ask(host, options, dir .. "/" .. options.wsgi,
    (address == "127.0.0.1" or address == "0.0.0.0" or address == "localhost") and tostring(options.port) or "", dir)
  local program, missing = choose_program(options, found, dir, built)
  if program == dir .. "/venv/bin/mod_wsgi-express" and not built then
    -- Before the release exists, ask the current one: it usually has the same version.
    program = paths.current .. "/venv/bin/mod_wsgi-express"
  end
  if found.foreign then
    return { root .. " has a mod_wsgi-express configuration that runbook did not write, so it is not replaced",
      server_args.reproduce(found.foreign, root, host, program) }
  elseif found.envvars == "foreign" and next(app.env or {}) then
    return { root .. "/envvars has variables that runbook did not write",
      "move them into env = { … } in recipes/app.lua, and empty the file" }
  elseif found.obstacle or found.nowhere and options.server_root ~= "" then -- ROOT is checked by preflight.root
    return { "mod_wsgi-express in " .. root .. ": " .. (found.obstacle or found.nowhere),
      "log in as the user it belongs to, or give it to the login: chown" }
  elseif found.busy then
    return { "another program listens on port " .. found.busy .. ", which mod_wsgi-express needs",
      "stop it, or choose another --port; on the host: ss -ltnp" }
  end
  return stranger(options, found) or missing or server_args.problem(app.server_args, host, program)
end

-- ask_python returns what packages.py prints for a release, by name, and whether the release is
-- built.
local function ask_python(host, options, target)
  local paths = releases.paths(options)
  local venv, python = paths.current .. "/venv", releases.dir(paths, target.name) .. "/venv/bin/python"
  local built = not dry_run or host.fs:exists(python)
  local function run(interpreter)
    return helpers.record(host:script("packages.py", venv, { interpreter = interpreter, changes = false }).stdout)
  end
  local uid, packages, version = run(built and python or target.interpreter)
  -- In a dry run ask the current release, which usually has the same version. Ask by a command:
  -- host.fs would follow the skipped switch.
  if not built and host:test({ "test", "-x", venv .. "/bin/python" }) then
    version = select(3, run(venv .. "/bin/python"))
  end
  return { uid = uid, packages = packages, version = version, built = built }
end

-- command returns the command that writes the configuration for a release, and its version of
-- mod_wsgi. found is the state from ask, and python that from ask_python. All paths go through
-- ROOT/current, even that of the release's own mod_wsgi-express: so the paths that it writes remain
-- valid when the release is deleted. The Python beside the program runs it, because its first line
-- names the release.
local function command(host, options, target, found, python)
  local paths = releases.paths(options)
  local dir = releases.dir(paths, target.name)
  local venv = paths.current .. "/venv"
  local program, missing = choose_program(options, found, dir, python.built)
  if not program then
    fail(unpack(missing))
  end
  local entry = paths.current .. "/" .. options.wsgi
  if common.server_arg("--application-type") == "module" then
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
    "--python-path", python.packages,
    "--shutdown-timeout", tostring(options.request_seconds),
    "--graceful-timeout", tostring(options.request_seconds),
  }) do
    words[#words + 1] = word
  end
  -- Apache started by root changes to this user.
  if python.uid == "0" then
    for _, word in ipairs({ "--user", app.user, "--group", apache_group() }) do
      words[#words + 1] = word
    end
  end
  for _, word in ipairs(server_args.resolve(app.server_args, host, program, paths.current)) do
    words[#words + 1] = word
  end
  return { words = words, mod_wsgi = python.version }
end

-- capacity returns how many requests Apache serves at a time with a recorded command: processes
-- times threads.
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

-- environment returns the content of envvars, which apachectl reads, and its checksum, or nil where
-- the file is left alone. The checksum is one more variable. It shows which variables a running
-- Apache was started with.
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

-- environment_mode returns the mode of envvars. The file holds secrets, and the members of a group
-- share it.
local function environment_mode()
  return common.shared_group() ~= "" and "0660" or "0600"
end

-- replaced has the envvars that this run replaced, by host, to restore them. They are not copied to
-- a file because they hold secrets.
local replaced = {}

-- plan_environment states which variables of envvars change, without their values.
local function plan_environment(host, path, text)
  host:plan("envvars", function()
    local before, after, rows = {}, {}, {}
    local now = host.fs:exists(path) and host.fs:read(path) or ""
    for content, list in pairs({ [now] = before, [text] = after }) do
      for name, value in ("\n" .. content):gmatch("\nexport ([%w_]+)=([^\n]*)") do
        list[name] = name ~= "RUNBOOK_ENVIRONMENT" and value or nil
      end
    end
    for name in pairs(before) do
      if not after[name] then
        rows[#rows + 1] = { name, "removed" }
      end
    end
    for name, value in pairs(after) do
      if before[name] ~= value then
        rows[#rows + 1] = { name, before[name] and "changed" or "added" }
      end
    end
    table.sort(rows, function(a, b) return a[1] < b[1] end)
    return { text = "values are not shown", rows = rows }
  end)
end

-- write_environment writes the env of app.lua, unless the file has it. It returns whether Apache
-- runs with other variables.
local function write_environment(host, options, found)
  local path = server_root(options) .. "/envvars"
  local text, sum = environment(host, found)
  if not text then
    return false
  elseif found.written ~= sum then
    plan_environment(host, path, text)
    step("write the environment", { required = true }, function()
      replaced[host.name] = replaced[host.name] or host.fs:exists(path) and host.fs:read(path) or ""
      host.fs:write(path, text, { mode = environment_mode() })
    end)
  end
  return found.environment ~= nil and found.environment ~= sum
end

-- format_options returns the options of a command that writes the configuration, one a line.
local function format_options(written)
  local lines = { "mod_wsgi " .. (written.mod_wsgi or "") }
  for _, word in ipairs(written.words) do
    if word:sub(1, 2) == "--" or #lines == 1 then
      lines[#lines + 1] = "  " .. word
    else
      lines[#lines] = lines[#lines] .. " " .. word
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- configure writes the configuration, unless the same command wrote the present one. It returns
-- whether it did.
local function configure(host, options, wanted, found)
  local record, text = server_root(options) .. "/" .. RECORD, json.encode(wanted)
  if found.record == text then
    return false
  end
  host:plan("httpd.conf", function()
    if not found.record then
      return ("new, with %d processes of %d threads on port %d"):format(
        options.processes, options.threads, options.port)
    end
    return { text = "written again by mod_wsgi-express setup-server, with other options:",
      before = format_options(json.decode(found.record)), after = format_options(wanted) }
  end)
  step("configure mod_wsgi-express", { required = true }, function()
    host.fs:mkdir(server_root(options)) -- the program makes no folders above it
    host.fs:write(record, "") -- while the command runs, the configuration is ours and of no known command
    if wanted.adopted then
      control(host, options, "put-back", server_root(options) .. KEPT)
    else
      if common.shared_group() ~= "" then
        control(host, options, "take")
      end
      host:run(wanted.words)
    end
    host.fs:write(record, text)
    releases.share(host, { server_root(options) })
  end)
  return true
end

-- act performs an action, such as a touch.
local function act(host, options, way)
  local root = server_root(options)
  step(way == "start" and "start mod_wsgi-express"
    or way == "stop" and "stop mod_wsgi-express"
    or way == "restart" and "restart mod_wsgi-express"
    or way == "graceful" and "restart mod_wsgi-express gracefully"
    or way == "touch" and "restart mod_wsgi-express by a touch"
    or "stop and start mod_wsgi-express", { required = true }, function()
    if way == "touch" then
      -- A daemon process restarts at its next request when the time of its script has changed. The
      -- script is handler.wsgi, which loads the application's own, or the application's own.
      host:run({ "touch", root .. "/handler.wsgi", releases.paths(options).current .. "/" .. options.wsgi })
    elseif way == "full" then
      control(host, options, "replace")
    elseif way == "start" then
      local _, ended = control(host, options, "start")
      if ended then
        log.warn("Apache was killed, and its children continued without it: ended processes " .. ended)
      end
    elseif way == "stop" then
      if control(host, options, "stop", options.request_seconds) == "cut" then
        log.warn("some requests took longer than request_seconds, " .. options.request_seconds .. " s, and were ended")
      end
    else
      host:run({ root .. "/apachectl", way })
    end
  end)
end

-- WAYS has words for how Apache is restarted.
local WAYS = { start = "start", stop = "stop", restart = "restart", graceful = "graceful restart", touch = "touch",
  full = "stop and start" }

-- choose returns how to restart Apache, and the reason where that is not what --restart asks for.
-- found is the state from look; why has grows, environment, unloaded and unwell.
local function choose(options, found, why)
  local way = options.restart
  if not found.running then
    return "start", "Apache does not run"
  elseif why.grows or why.environment then
    return "full", (why.grows and "Apache's limits grow" or "the environment changed") ..
      ", which only a new Apache process takes"
  elseif way == "touch" and (why.unloaded or why.unwell) then
    -- A process that could not import its release retries in place, with its old working directory
    -- and modules.
    return "graceful", why.unloaded and "a touch does not load a changed configuration" or
      "the processes that serve now do not work, and may ignore a touch"
  end
  return way
end

-- apply makes a running or stopped Apache serve the current release, with the present configuration
-- and variables.
local function apply(host, options, found, why)
  local way, reason = choose(options, found, why)
  if found.theirs and way ~= "touch" then
    way, reason = "touch", "only " .. found.theirs .. ", who started Apache, can restart it"
  end
  local instead = way ~= "start" and " instead of " .. options.restart or ""
  if reason and found.running then
    log.info(reason .. ": " .. WAYS[way] .. instead)
  end
  host:plan("restart", function() return WAYS[way] .. (reason and instead .. ": " .. reason or "") end)
  act(host, options, way)
  if way == "graceful" or way == "restart" then
    if helpers.record(query(host, options, "limits", found.log or 0)) then
      log.info("Apache kept its limits over the restart: stop and start")
      act(host, options, "full")
    end
  end
end

-- serve makes mod_wsgi-express serve a release that current points to. unwell is whether the
-- previous one did not work.
local function serve(host, options, target, unwell)
  if options.restart == "none" then
    host:plan("restart", function() return "none" end)
    return
  end
  local found, python
  parallel({
    function() found = look(host, options, releases.dir(releases.paths(options), target.name)) end,
    function() python = ask_python(host, options, target) end,
  })
  local wanted = command(host, options, target, found, python)
  if found.theirs then
    local text, sum = environment(host, found)
    if found.record ~= json.encode(wanted) or text and found.written ~= sum then
      fail("the settings of the server have changed, and only " .. found.theirs ..
        ", who started Apache, can restart it",
        "log in as " .. found.theirs .. " for this release, or release with the settings that Apache has")
    end
  end
  local configured = configure(host, options, wanted, found)
  apply(host, options, found, {
    unwell = unwell,
    unloaded = configured or found.unloaded,
    environment = write_environment(host, options, found),
    grows = found.record ~= nil and capacity(wanted) > capacity(json.decode(found.record)),
  })
end

-- serve_again restores the state that look found before serve: configuration, variables, and
-- whether Apache ran.
local function serve_again(host, options, before)
  if options.restart == "none" then
    return
  end
  local found, configured = look(host, options), false
  if before.record then
    configured = configure(host, options, json.decode(before.record), found)
  end
  if replaced[host.name] then
    host.fs:write(server_root(options) .. "/envvars", replaced[host.name], { mode = environment_mode() })
    replaced[host.name] = nil
  end
  if before.running then
    local grows = configured and found.record
      and capacity(json.decode(before.record)) > capacity(json.decode(found.record))
    apply(host, options, found, {
      unwell = true, unloaded = configured or found.unloaded, grows = grows,
      environment = found.environment ~= before.environment,
    })
  elseif found.running then
    act(host, options, "stop")
  end
end

-- reload_stale restarts the daemon processes that still serve another release than the one in dir.
-- After USR1 a process finishes its requests and serves meanwhile; a process that is ending ignores
-- it.
local function reload_stale(host, options, dir)
  control(host, options, "reload-stale", dir)
end

-- foreign returns the command line of a configuration that runbook did not write, or nil; and why
-- it cannot be taken over, or nil.
local function foreign(host, options)
  local found = ask(host, options, "", "")
  local why = found.obstacle or (stranger({}, found) or {})[1]
  return found.foreign, found.foreign and why and { server_root(options) .. " cannot be taken over: " .. why,
    "log in as the user it belongs to" } or nil
end

-- adopt takes over the configuration that foreign found, and keeps a copy.
local function adopt(host, options, header)
  local root = server_root(options)
  host.fs:mkdir(root .. KEPT, { mode = "0700" })
  control(host, options, "keep", root .. KEPT)
  host.fs:write(root .. "/" .. RECORD,
    json.encode({ words = server_args.words(header), mod_wsgi = "", adopted = true }))
end

-- UNIT is the text of the unit that starts the site at boot, as the login user and with the same
-- script as a release.
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

-- unit_name returns the name of the unit: runbook-app.service for /srv/app.
local function unit_name(options)
  local root = releases.paths(options).root
  return "runbook-" .. (root:match("^/srv/(.+)$") or root:sub(2)):gsub("[^%w_.]", "-") .. ".service"
end

-- unit_mark returns the first line of the unit: it shows that runbook wrote it, and for which root.
local function unit_mark(options)
  return systemd.MARK .. " for " .. releases.paths(options).root
end

-- start_script returns the path of the script that the unit runs.
local function start_script(options)
  return server_root(options) .. "/runbook-start"
end

-- unit_text returns the unit for a login user.
local function unit_text(options, user)
  local root = server_root(options)
  local apachectl = root .. "/apachectl"
  return UNIT:format(unit_mark(options), systemd.escape(releases.paths(options).root), systemd.escape(apachectl), user,
    systemd.quote_word(start_script(options)), systemd.quote_word(root), systemd.quote_word(apachectl))
end

-- unit_problem returns why the unit cannot be written, or nil. It raises the error of a failing
-- sudo. facts are those of preflight.
local function unit_problem(host, options, facts)
  return systemd.problem(host, facts, { [unit_name(options)] = unit_mark(options) },
    server_root(options) .. "/apachectl start")
end

-- write_unit writes the unit and enables it. It returns a list of what it did.
local function write_unit(host, options, facts)
  local script = start_script(options)
  host.fs:mkdir(server_root(options))
  local wrote = host:file(script, { text = localhost.fs:read(here("mod_wsgi.sh")), mode = "0755" })
  local name = unit_name(options)
  local done = systemd.write(host, facts, { [name] = unit_text(options, facts.user) }, { name })
  if wrote then
    table.insert(done, 1, "wrote " .. script)
  end
  return done
end

return {
  problem = problem, reach_problem = reach_problem, apache_group = apache_group, server_root = server_root,
  look = look, serve = serve, serve_again = serve_again, act = act,
  reload_stale = reload_stale, foreign = foreign, adopt = adopt, unit_problem = unit_problem, write_unit = write_unit,
  server_args = server_args, KEPT = KEPT,
}
