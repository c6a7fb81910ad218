-- Preflight: what must be right on every host before anything is changed on any of them. A problem
-- is { what is wrong, what to do }. The problems of all hosts are reported together, so that nobody
-- fixes one host only to learn of the next.

local common = require "options"
local app = common.app
local health = require "health"
local helpers = require "helpers"
local mod_wsgi = require "mod_wsgi"
local releases = require "releases"

-- list returns a list of its arguments that are not nil.
local function list(...)
  local found = {}
  for i = 1, select("#", ...) do
    found[#found + 1] = (select(i, ...))
  end
  return found
end

-- catch calls fn. It returns nil and the result, or the problem that fn raised, with the last line
-- that a failed command printed. A mistake in the recipe itself is raised again.
local function catch(host, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then
    return nil, err
  elseif type(err) ~= "userdata" then
    error(err, 0)
  end
  local message, name = err.message, host.name .. ": "
  if message:sub(1, #name) == name then
    message = message:sub(#name + 1)
  end
  local said = ""
  for line in helpers.lines(err.output) do -- the last one is mostly the reason
    said = ": " .. line
  end
  return { message .. said, err.hint }
end

-- add adds a problem of a host to lines, or the host to the same problem of another host.
local function add(lines, problem, host)
  for _, line in ipairs(lines) do
    if line.text == problem[1] and line.hint == problem[2] then
      table.insert(line.hosts, host)
      return
    end
  end
  table.insert(lines, { text = problem[1], hint = problem[2], hosts = { host } })
end

-- keep_balancers fails where --skip-unreachable skips a load balancer: servers could not be taken
-- out of its service.
local function keep_balancers()
  for _, host in ipairs(skipped) do
    if helpers.is_balancer(host) then
      fail(host.name .. ": this load balancer is unreachable, and only servers are skipped",
        "make it reachable, or exclude it and take the servers out of its service by hand: --except " .. host.name)
    end
  end
end

-- reach connects to the servers. It returns the problems by host name, and the servers without one.
local function reach(servers)
  local by_host, reached = {}, {}
  for _, missing in ipairs(connect()) do
    by_host[missing.host] = { { missing.message, missing.hint } }
  end
  for _, host in ipairs(servers) do
    if not by_host[host.name] then
      by_host[host.name], reached[#reached + 1] = {}, host
      host:result({ state = "not touched" })
    end
  end
  return by_host, reached
end

-- raise fails with all problems. A single problem of a single host is raised as an error of that
-- host.
local function raise(lines, by_name)
  local first = lines[1]
  if #lines == 1 and #first.hosts == 1 then
    each({ by_name[first.hosts[1]] }, function() fail(first.text, first.hint) end)
  elseif #lines == 1 then
    fail(table.concat(first.hosts, ", ") .. ": " .. first.text, first.hint)
  end
  local words = {}
  for i, line in ipairs(lines) do
    words[i] = table.concat(line.hosts, ", ") .. ": " .. line.text
    if line.hint and line.hint ~= "" then
      words[i] = words[i] .. "\n    next: " .. line.hint:gsub("\n", "\n    ")
    end
  end
  fail(#words .. " problems:\n  " .. table.concat(words, "\n  "))
end

-- raise_all fails with the problems of all hosts, if there are any.
local function raise_all(by_host)
  local by_name, lines = {}, {}
  for _, host in ipairs(hosts) do
    by_name[host.name] = host
    for _, problem in ipairs(by_host[host.name] or {}) do
      add(lines, problem, host.name)
    end
  end
  if #lines > 0 then
    raise(lines, by_name)
  end
end

-- refuse calls check for every server, which returns problems. If more is given, it calls
-- more.meanwhile at the same time, and then more.check for every server. It fails if there are
-- problems, or if a host cannot be reached. Call it before anything is changed.
local function refuse(servers, at_once, check, more)
  keep_balancers()
  local by_host, reached = reach(servers)
  local function check_all(fn)
    each(reached, { at_once = at_once }, function(host)
      local problems = by_host[host.name]
      for _, problem in ipairs(fn(host)) do
        problems[#problems + 1] = problem
      end
      if #problems > 0 then
        host:result({ state = "refused" })
      end
    end)
  end
  if more then
    parallel({ function() check_all(check) end, more.meanwhile })
    check_all(more.check)
  else
    check_all(check)
  end
  raise_all(by_host)
end

-- check_clock warns where the clock of a host differs from this machine's. The host read it between
-- began and ended.
local function check_clock(facts, began, ended)
  local theirs = tonumber(facts.clock)
  if not theirs then
    return
  end
  local ahead = theirs > ended and theirs - ended or theirs < began and theirs - began or 0
  if math.abs(ahead) > 60 then
    log.warn(("clock is %d s %s this machine: release names and TLS validity may be wrong")
      :format(math.abs(ahead), ahead > 0 and "ahead of" or "behind"))
  end
end

-- owners_problem returns the problem with the records "foreign" of facts.sh, or nil for an empty
-- list.
local function owners_problem(foreign, root)
  if not foreign then
    return nil
  end
  local lines, owner, open, seen = {}, nil, {}, {}
  for _, record in ipairs(foreign) do
    local _, whose, mode, path = unpack(record)
    if whose == "-" then
      return { "the login is root, and find or xargs on the host cannot say what others can change",
        "log in as another user, or install findutils" }
    elseif not seen[path] and #lines < 5 then
      seen[path] = true
      if whose ~= "root" then
        owner = owner or whose
        lines[#lines + 1] = path .. " belongs to " .. whose
      else
        open[#open + 1] = quote(path)
        lines[#lines + 1] = path .. " can be written by others (" .. mode .. ")"
      end
    end
  end
  local what = table.concat(lines, ", ") .. ", and the login is root: others would decide what root runs"
  if owner then
    return { what, "log in as " .. owner .. " (user = in the hosts file); for root, move " .. root ..
      " away and let runbook make it again, since giving root what another has made would make root run it" }
  end
  return { what, "on the host, if you know who put there what is in it: chmod go-w " .. table.concat(open, " ") }
end

-- gather_facts returns the facts about a host by name; a fact that does not hold is nil. missing is
-- a list of programs that the scripts of this folder need, and that are not on PATH. foreign is a
-- list of files and folders that others can change although the login is root. cleared is a list of
-- variables in the login's environment that change where or whether Python and pip find and install
-- packages: a release runs without them. measure adds the size of the current release. The Python
-- "" is not looked for.
local function gather_facts(host, options, python, measure)
  local paths, facts, began = releases.paths(options), {}, clock.now()
  local group = common.shared_group()
  local text = host:script("facts.sh", paths.root, python, mod_wsgi.server_root(options),
    measure and "yes" or "no", group, { changes = false }).stdout
  local ended = clock.now()
  for _, record in ipairs(helpers.records(text)) do
    local name, value = unpack(record)
    if name == "foreign" or name == "cleared" or name == "missing" then
      facts[name] = facts[name] or {}
      table.insert(facts[name], name == "foreign" and record or value)
    else
      facts[name] = facts[name] or value
    end
  end
  check_clock(facts, began, ended)
  facts.group = facts.uid ~= "0" and group or "" -- what root runs is shared with nobody
  facts.umask = app.umask ~= "" and app.umask or facts.group ~= "" and "002" or "022"
  host:permissions({ umask = facts.umask, group = facts.group })
  return facts
end

-- missing returns the problems with programs that the run needs.
local function missing(facts)
  local problems = {}
  for _, program in ipairs(facts.missing or {}) do
    if program ~= "flock" or not facts.root then -- otherwise the lock reports it
      problems[#problems + 1] = { program .. " is not on the host, or not on PATH",
        "on Debian and Ubuntu: sudo apt-get install coreutils findutils grep mawk sed util-linux" }
    end
  end
  return problems
end

-- own returns the problems that preflight in app.lua finds, and those with what its functions need,
-- such as the load balancer.
local function own(host)
  local problems = {}
  for _, check in ipairs(list(app.preflight, unpack(helpers.checks))) do
    problems[#problems + 1] = catch(host, check, host)
  end
  return problems
end

-- disk returns the problem with the free space, or nil. A release is likely to need as much as the
-- current one.
local function disk(facts)
  local megabytes, inodes = tonumber(facts.megabytes), tonumber(facts.inodes)
  local last, files = tonumber(facts.lastmegabytes) or 0, tonumber(facts.lastfiles) or 0
  if megabytes and megabytes < app.free_megabytes then
    return { facts.near .. " has " .. megabytes .. " MB free, less than " .. app.free_megabytes,
      "remove something, or set free_megabytes in recipes/app.lua" }
  elseif megabytes and megabytes < last then
    return { facts.near .. " has " .. megabytes .. " MB free, less than the " .. last ..
      " that the current release takes",
      "remove something: old releases, or whatever else is on that disk" }
  elseif inodes and inodes < app.free_inodes then
    return { facts.near .. " has " .. inodes .. " free inodes, fewer than " .. app.free_inodes,
      "remove something, or set free_inodes in recipes/app.lua" }
  elseif inodes and inodes < files then
    return { facts.near .. " has " .. inodes .. " free inodes, fewer than the " .. files ..
      " of the current release", "remove something: old releases, or whatever else is on that disk" }
  end
  return nil
end

-- virtualenv_problem returns why the interpreter cannot make the virtualenv that app.lua asks for,
-- or nil. Where venv is missing, "fresh" and "reuse" use virtualenv, and the log shows it.
local function virtualenv_problem(facts, program, kind)
  if kind == "virtualenv" and not facts.virtualenv then
    return { program .. " has no module virtualenv",
      "on Debian and Ubuntu: sudo apt-get install python3-virtualenv; for another Python: " .. program ..
      " -m pip install virtualenv; or choose --venv fresh" }
  elseif (kind == "fresh" or kind == "reuse") and not facts.venv then
    if not facts.virtualenv then
      return { program .. " can't make virtualenvs: its venv or ensurepip is missing, and it has no module virtualenv",
        "on Debian and Ubuntu: sudo apt-get install python3-venv" }
    end
    log.info(program .. " lacks venv or ensurepip: virtualenv will make the virtualenv")
  end
  return nil
end

-- is_old reports whether a version of Python is below 3.5.
local function is_old(version)
  local major, minor = version:match("^(%d+)%.(%d+)")
  return (tonumber(major) or 0) * 1000 + (tonumber(minor) or 0) < 3005
end

-- python returns the problem with the interpreter, or with the virtualenv of a kind that it is to
-- make. Without one it logs the version and returns nil.
local function python(facts, program, kind)
  if not facts.executable then
    return { "there is no Python at " .. program, "name another with --python, or install it" }
  elseif not facts.python then
    return { program .. " is not a working Python", "run it on the host to see why" }
  elseif is_old(facts.python) then
    return { program .. " is Python " .. facts.python .. ", and runbook needs 3.5 or later",
      "name another with --python" }
  end
  log.info("Python " .. facts.python .. " at " .. program)
  if facts.cleared then
    log.warn("the login's environment has " .. table.concat(facts.cleared, ", ") .. ": the release is made without")
  end
  return virtualenv_problem(facts, program, kind)
end

-- can_make reports whether a release may make the root folder: where only that one folder is
-- missing. Where more is missing, --root is probably misspelt.
local function can_make(facts, paths)
  return facts.writable and facts.near == (paths.root:match("^(.+)/[^/]+$") or "/")
end

-- folder returns the problem with an existing root folder, or nil.
local function folder(facts, paths)
  if facts.root ~= "folder" then
    return { paths.root .. " is " .. facts.root, "move it away, or name another --root" }
  elseif facts.link then
    return { facts.link .. " is a link", "it must be in " .. paths.root .. " itself: move the link away" }
  elseif facts.odd then
    return { facts.odd .. " is not a regular file", "move it away" }
  elseif facts.file then
    return { facts.file .. " is not a folder", "move it away" }
  elseif facts.elsewhere then
    return { facts.elsewhere .. " is on another file system than " .. paths.root,
      "both must be on one, or nothing can be moved between them in one step" }
  elseif not facts.writable or facts.unwritable then
    local which = facts.unwritable or paths.root
    return { facts.user .. " may not write to " .. which .. " (" .. paths.root .. " belongs to " .. facts.owner .. ")",
      "on the host: sudo chown " .. facts.user .. " " .. which }
  end
  return nil
end

-- sharing returns why the members of the group in app.lua do not share the root folder, or nil.
local function sharing(facts, paths)
  local group = facts.group
  if group == "" then
    return nil
  elseif not facts.member then
    return { facts.user .. " is not in the group " .. group .. " of recipes/app.lua",
      "on the host: sudo usermod -aG " .. group .. " " .. facts.user .. "; or remove group from recipes/app.lua" }
  elseif facts.unshared then
    local root = quote(paths.root)
    return { facts.unshared .. " cannot be changed by the whole group " .. group,
      "runbook run recipes/setup.lua as its owner; or on the host: sudo chgrp -R " .. group .. " " .. root ..
        " && sudo chmod -R g+rwX " .. root .. " && sudo find " .. root .. " -type d -exec chmod g+s {} +" }
  end
  return nil
end

-- share gives a folder, which this login has just made, to the group in app.lua. What is made in
-- the folder belongs to the group then.
local function share(host, facts, path)
  if facts.group ~= "" then
    host:run({ "chgrp", "--", facts.group, path })
    host:run({ "chmod", "g+s", "--", path })
  end
end

-- readonly returns a problem where the file system of the root folder is read-only, or nil.
local function readonly(facts, paths)
  return facts.readonly and { paths.root .. " is on a read-only file system, " .. facts.readonly,
    "on the host: dmesg says whether it failed; mount -o remount,rw " .. facts.readonly .. " opens it" } or nil
end

-- root returns the problem with the root folder, or nil. A missing folder that a release can make
-- is not a problem.
local function root(facts, paths)
  local foreign = owners_problem(facts.foreign, paths.root)
  if foreign then
    return foreign
  elseif facts.root then
    return readonly(facts, paths) or sharing(facts, paths) or folder(facts, paths)
  elseif not can_make(facts, paths) then
    return readonly(facts, paths)
      or { paths.root .. " does not exist", "run recipes/setup.lua first: it makes the folders" }
  end
  return nil
end

-- current returns the problem with ROOT/current, or nil.
local function current(found)
  return found.odd and { found.odd, "it must be a link to an absolute path: move it away" } or nil
end

-- name returns why a release cannot have this name, or nil. An incomplete release with the name is
-- made again, but not while it is current.
local function name(found, wanted)
  local existing = found.by_name[wanted]
  if found.alias[wanted] then
    return { "releases/" .. wanted .. " is a link", "choose another --release" }
  elseif existing and not existing.complete and found.name == wanted then
    return { "release " .. wanted .. " is current, but incomplete", "choose another --release" }
  end
  return nil
end

-- validate_path fails unless path can be a file in the repository.
local function validate_path(flag, path)
  if path == "" or path:find("^[/-]") or ("/" .. path .. "/"):find("/%.%./") or path:find("%c") then
    fail(flag .. " must be the path of a file in the repository; got \"" .. path .. "\"", "write it like app/wsgi.py")
  end
end

-- validate_server fails where the settings of the server and the health check are invalid.
local function validate_server(options)
  releases.paths(options)
  health.validate(options)
  mod_wsgi.server_root(options)
  validate_path("--wsgi", options.wsgi)
end

-- validate_repository fails where the repository or the branch is invalid.
local function validate_repository(options)
  if options.repo ~= "" and options.source ~= "archive" and hosts[1] then
    local problem = catch(hosts[1], hosts[1].git.check, hosts[1].git, options.repo, options.branch)
    if problem then
      fail(unpack(problem))
    elseif options.branch == "" then
      fail("--branch is empty", "name the branch to release")
    end
  end
end

-- validate fails where the options of a release are invalid, before any host is contacted. release
-- has name and revision.
local function validate(options, release)
  validate_server(options)
  validate_repository(options)
  local wrong = common.private_problem(options.private)
  if wrong then
    fail("--private " .. wrong)
  elseif options.repo == "" and options.source ~= "archive" then
    fail("--repo is empty", "name the git repository")
  elseif options.requirements:find("^%-") or options.requirements:find("%c") then
    fail("--requirements must be a file's path; got \"" .. options.requirements .. "\"",
      "write it like requirements.txt")
  elseif options.wheels == "once" and options.venv:find("^uv") then
    fail("--wheels once needs pip, and --venv " .. options.venv .. " has none",
      "choose another --venv, or leave --wheels out")
  elseif not releases.is_name(release.name) then
    fail("--release \"" .. release.name .. "\" can't be a folder's name",
      "use letters, digits, dots, - and _, with a letter or digit first")
  elseif release.revision and not release.revision:find("^[0-9a-f]+$")
    or release.revision and #release.revision ~= 40 and #release.revision ~= 64 then
    fail("--revision \"" .. release.revision .. "\" is not a whole commit name",
      "give all hex digits, as git rev-parse prints them: 40, or 64 in a SHA-256 repository")
  end
end

-- check_revision fails where a host has a complete release of this name with another revision.
-- existing has the releases of this name, by host.
local function check_revision(found, release)
  for host, existing in pairs(found) do
    if existing.complete and existing.marker.revision ~= release.revision then
      local theirs = existing.marker.revision
      fail("release " .. release.name .. " already exists on " .. host .. ", of revision " .. theirs:sub(1, 10) ..
        " instead of " .. release.revision:sub(1, 10), "choose another --release" ..
        (release.options.source ~= "archive" and ", or give --revision " .. theirs or ""))
    end
  end
end

-- lock acquires the lock of a host, and returns nil or the problem. wrong is the problem with the
-- root folder, which is returned instead. While the lock is held nothing else changes the releases,
-- and whatever this run starts ends with the connection.
local function lock(host, paths, facts, wrong)
  if wrong or not facts.root then
    return wrong
  end
  return (catch(host, function() host:lock(paths.lock) end))
end

-- occupy tries what the run will need later and nothing else tries before the switch: programs, and
-- what the host's sshd must allow. Then it locks the host and looks at its releases. It returns the
-- problems with programs and sshd; without any, it also returns the problem with the lock, or
-- how.wrong, and the releases. how.url is where the application is asked later, or nil. Where sshd
-- forbids tunnels, how.python asks on the host. how.wsgi is for releases.look.
local function occupy(host, paths, facts, how)
  local problems = missing(facts)
  if #problems == 0 then
    problems[1] = catch(host, host.probe, host, { url = how.url, python = how.python })
  end
  if #problems > 0 then
    return problems
  end
  return problems, lock(host, paths, facts, how.wrong), releases.look(host, paths, how.wsgi)
end

-- at_once returns how many hosts are checked at the same time. With --agent host only one host at a
-- time has an open key.
local function at_once(options)
  return options.agent == "host" and 1 or options.at_once
end

-- make_roots makes and locks the root folder on the hosts in rootless.
local function make_roots(servers, rootless, options)
  local new = {}
  for _, host in ipairs(servers) do
    new[#new + 1] = rootless[host.name] and host or nil
  end
  each(new, { at_once = options.at_once }, function(host)
    local paths = releases.paths(options)
    host:plan("root", function() return "make " .. paths.root end)
    step("make " .. paths.root, { required = true }, function()
      host.fs:mkdir(paths.root)
      share(host, rootless[host.name], paths.root)
      host:lock(paths.lock)
    end)
  end)
end

return {
  list = list, catch = catch, raise_all = raise_all, refuse = refuse, facts = gather_facts, missing = missing,
  own = own, root = root,
  readonly = readonly, share = share, python = python,
  disk = disk, current = current, name = name, validate = validate, validate_server = validate_server,
  validate_repository = validate_repository, check_revision = check_revision, lock = lock, occupy = occupy, at_once = at_once,
  make_roots = make_roots,
}
