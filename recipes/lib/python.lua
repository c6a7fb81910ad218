-- Python on a host: the virtualenv of a release, its requirements, and whether the application can
-- be imported.

local common = require "options"
local git = require "git"
local helpers = require "helpers"
local releases = require "releases"
local server = require "server"

local app = common.app

-- With venv = "reuse" releases share virtualenvs in ROOT/venvs: one for each distinct interpreter,
-- requirements and pip arguments. A release has a link to its virtualenv. A complete virtualenv
-- never changes.

-- COMPLETE is the file that marks a shared environment as complete.
local COMPLETE = ".runbook-complete"

-- is_uv reports whether uv makes the environment, which has no pip then.
local function is_uv(options)
  return options.venv == "uv" or options.venv == "uv-sync"
end

-- pip reads no pyproject.toml without installing the project itself. So project.py writes its
-- dependencies to DEPENDENCIES in the release, as a requirements file. uv reads it.
local DEPENDENCIES = ".git/runbook-dependencies"

-- get_list returns the requirements file for pip, or "".
local function get_list(options)
  local file = common.requirements(options)
  return file:find("pyproject%.toml$") and not is_uv(options) and DEPENDENCIES or file
end

-- Everybody on the host can read a command line, and the URL of an index may contain a password. So
-- such URLs reach pip and uv by the environment. To build a package in isolation, pip starts
-- another pip and passes its indexes on a command line. So where pip can read passwords from a
-- netrc file, it gets them by one, and URLs without them.

-- PIP_VARIABLES and UV_VARIABLES have the options that take URLs, with the equivalent variables.
local PIP_VARIABLES = {
  ["-i"] = "PIP_INDEX_URL", ["--index-url"] = "PIP_INDEX_URL", ["--pypi-url"] = "PIP_INDEX_URL",
  ["--extra-index-url"] = "PIP_EXTRA_INDEX_URL",
  ["-f"] = "PIP_FIND_LINKS", ["--find-links"] = "PIP_FIND_LINKS", ["--proxy"] = "PIP_PROXY",
}
local UV_VARIABLES = {
  ["-i"] = "UV_INDEX_URL", ["--index-url"] = "UV_INDEX_URL", ["--default-index"] = "UV_DEFAULT_INDEX",
  ["--extra-index-url"] = "UV_EXTRA_INDEX_URL", ["--index"] = "UV_INDEX", ["-f"] = "UV_FIND_LINKS",
  ["--find-links"] = "UV_FIND_LINKS",
}

-- SEPARATOR has the separator of the values of repeatable options. For the others the last value
-- counts.
local SEPARATOR = {
  PIP_EXTRA_INDEX_URL = " ", PIP_FIND_LINKS = " ", UV_EXTRA_INDEX_URL = " ", UV_INDEX = " ", UV_FIND_LINKS = ",",
}

-- LOGIN matches a URL up to the end of its user and password.
local LOGIN = "(%a[%w+.-]*://)[^/?#%s]*@"

-- redact_url returns an argument without the users and passwords of URLs. Users of ssh URLs remain,
-- since they are not secret.
local function redact_url(word)
  return (word:gsub(LOGIN, function(scheme)
    return not scheme:lower():find("ssh://$") and scheme or nil
  end))
end

-- split_argument returns the option of an argument, and its value where the same argument has it.
local function split_argument(word)
  if word:sub(1, 2) == "--" then
    local name, value = word:match("^(%-%-[^=]+)=(.*)$")
    return name or word, value
  elseif word:sub(1, 1) == "-" and #word > 2 then
    return word:sub(1, 2), word:sub(3)
  end
  return word, nil
end

-- pip_arguments returns the arguments in pip_arg that may be on a command line, and variables for
-- the others.
local function pip_arguments(options)
  local variables = is_uv(options) and UV_VARIABLES or PIP_VARIABLES
  local words, env, i, given = {}, {}, 1, options.pip_arg
  while i <= #given do
    local name, value = split_argument(given[i])
    local variable, last = variables[name], i
    if variable and not value then
      last = i + 1
      value = given[last]
    end
    -- A folder remains an argument, since no variable can hold a path with a space.
    if variable and value and value:find("://", 1, true) then
      local separator = SEPARATOR[variable]
      env[variable] = separator and env[variable] and env[variable] .. separator .. value or value
    else
      for at = i, math.min(last, #given) do
        words[#words + 1] = given[at]
      end
    end
    i = last + 1
  end
  return words, env
end

-- decode resolves the percent escapes of a part of a URL.
local function decode(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- format_netrc returns the lines of a netrc file with the logins of the URLs in env, and the same
-- variables with URLs without logins. It returns nil without a login, and for logins that readers
-- of netrc files read differently: characters that some take for a quote, or two logins for a host.
-- Before Python 3.11 a token without a password is invalid, which pip.sh detects.
local function format_netrc(env)
  local logins, lines, plain = {}, {}, {}
  for _, name in ipairs({ "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS" }) do
    plain[name] = env[name] and redact_url(env[name])
    for info, place in (env[name] or ""):gmatch("://([^/?#%s]*)@([^/?#%s@]*)") do
      local user, password = info:match("^([^:]*):?(.*)$")
      user, password = decode(user), decode(password)
      local host, both = place:gsub(":%d+$", ""), user .. (password ~= "" and " password " .. password or "")
      if not (user .. password):find("^[%w%p]+$") or both:find("[\"'\\#]") or user == "" or host:find("[^%w.-]")
        or (logins[host] and logins[host] ~= both) then
        return nil
      elseif not logins[host] then
        logins[host] = both
        lines[#lines + 1] = "machine " .. host .. " login " .. both .. "\n"
      end
    end
  end
  return #lines > 0 and table.concat(lines) or nil, plain
end

-- run_pip runs a command of pip's, with the logins of env in a netrc file where that is possible.
local function run_pip(host, words, env, dir)
  local text, plain = format_netrc(env)
  if not text then
    host:run(words, { cwd = dir, env = env })
    return
  end
  env.RUNBOOK_NETRC = text
  for name, value in pairs(plain) do
    env["RUNBOOK_" .. name] = value
  end
  host:script("pip.sh", words, { cwd = dir, env = env })
end

-- pip_problem returns which argument would put a password on the command line, or nil.
local function pip_problem(options)
  for _, word in ipairs((pip_arguments(options))) do
    if redact_url(word) ~= word then
      return { "everybody on the host could read the password in the argument " .. redact_url(word) .. " for " ..
        (is_uv(options) and "uv" or "pip"),
        "write the URL into the requirements file without it, and the password into ~/.netrc on the host" }
    end
  end
  return nil
end

-- clean_env returns variables for Python and pip on a host: env, and the variables that the release
-- clears. Empty means unset to both.
local function clean_env(release, env)
  local clean = {}
  for _, name in ipairs(release.cleared or {}) do
    clean[name] = ""
  end
  for name, value in pairs(env or {}) do
    clean[name] = value
  end
  return clean
end

-- choose_shared returns the path of the shared environment that fits, and whether it exists. It
-- returns nil where a fresh one is needed, and logs why.
local function choose_shared(host, release)
  local options, venvs = release.options, release.paths.venvs
  local words = {}
  for _, word in ipairs(options.pip_arg) do
    words[#words + 1] = redact_url(word) -- the packages are the same, whoever logs in at the index
  end
  local kind, rest = helpers.record(host:script("shared_virtualenv.py", venvs, options.requirements, words,
    { interpreter = options.python, cwd = release.dir, env = clean_env(release) }).stdout)
  if kind == "have" or kind == "make" then
    return venvs .. "/" .. rest, kind == "have"
  elseif kind then -- in a dry run nothing was asked
    log.info("a fresh virtualenv, because " .. rest)
  end
  return nil, false
end

-- uv_programs has the path of uv on each host, by name.
local uv_programs = {}

-- uv_problem looks for uv on a host, and returns the problem, or nil.
local function uv_problem(host, options)
  local program, version = helpers.record(host:script("uv.sh", options.uv, { changes = false }).stdout)
  local hint = "install it there, name it by uv = \"PATH\" in recipes/app.lua, or choose --venv fresh"
  if not program then
    return { options.uv:find("/", 1, true) and "there is no uv at " .. options.uv
      or "there is no " .. options.uv .. " on PATH, in ~/.local/bin or in ~/.cargo/bin", hint }
  end
  local major, minor, patch = version:match("^uv (%d+)%.(%d+)%.(%d+)")
  if not major then
    return { program .. " is not a working uv", "run it on the host to see why" }
  elseif options.venv == "uv-sync" and (major * 1000 + minor) * 1000 + patch < 4004 then
    return { program .. " is " .. version .. ", and --venv uv-sync needs 0.4.4 or later",
      "update it: older ones ignore UV_PROJECT_ENVIRONMENT" }
  end
  log.info(version .. " at " .. program)
  uv_programs[host.name] = program
  return nil
end

-- platforms describes the platform of each host, by name: wheels run on all hosts of the same one.
local platforms = {}

-- problem returns why an environment cannot be made in the way that app.lua asks for, or nil.
local function problem(host, options)
  if options.wheels == "once" then -- where Python does not work, preflight reports that already
    platforms[host.name] = helpers.record(host:script("wheels.py",
      { interpreter = options.python, changes = false, check = false }).stdout)
  end
  return is_uv(options) and uv_problem(host, options) or pip_problem(options)
end

-- virtualenv makes the virtualenv of a release, or finds the shared one that fits.
local function virtualenv(host, release)
  local options = release.options
  release.venv, release.has_venv = release.dir .. "/venv", false
  if options.venv == "reuse" then
    local shared, exists = choose_shared(host, release)
    release.venv, release.has_venv = shared or release.venv, exists
    if shared and not exists then
      releases.discard_on_failure(host, shared, COMPLETE)
    end
  end
  host:plan("virtualenv", function()
    return options.venv .. ", with " .. options.python
  end)
  if release.has_venv or options.venv == "uv-sync" then
    return -- uv sync makes it
  end
  step("make the virtualenv", { required = true }, function()
    if options.venv == "uv" then
      host:run({ uv_programs[host.name], "venv", "--python", options.python, release.venv },
        { env = clean_env(release) })
    else
      local by = options.venv == "virtualenv" and "virtualenv" or "venv"
      local reason = helpers.record(host:script("virtualenv.py", release.venv, by, release.current .. "/venv",
        { interpreter = options.python, env = clean_env(release) }).stdout)
      if reason then
        log.info(reason)
      end
    end
  end)
end

-- venv_python returns the Python of a release's virtualenv. A shared one is linked into the release
-- only when it is complete.
local function venv_python(release)
  return release.venv and release.venv .. "/bin/python" or release.python
end

-- get_pip returns the words of a command of pip's in the virtualenv of a release.
local function get_pip(release, command)
  return { venv_python(release), "-m", "pip", command, "--disable-pip-version-check", "--no-input" }
end

-- get_installer returns the words of the command that installs packages into the virtualenv of a
-- release, and variables for it.
local function get_installer(host, release)
  local options, uv = release.options, uv_programs[host.name]
  if options.venv == "uv-sync" then
    return { uv, "sync", "--frozen", "--no-dev", "--python", options.python }, { UV_PROJECT_ENVIRONMENT = release.venv }
  elseif options.venv == "uv" then
    return { uv, "pip", "install", "--python", venv_python(release), "-r", options.requirements }, {}
  end
  -- verify warns of versions that do not fit, so pip need not read the metadata of all packages for
  -- that. pip takes 0 for yes where an option begins with --no-. pip 9 and older lack this one.
  return get_pip(release, "install"), { PIP_NO_WARN_CONFLICTS = "0" }
end

-- write_dependencies writes DEPENDENCIES for pip, where requirements names a pyproject.toml.
local function write_dependencies(host, release)
  local options = release.options
  if get_list(options) == DEPENDENCIES then
    host:script("project.py", options.requirements, DEPENDENCIES,
      { interpreter = venv_python(release), cwd = release.dir, env = clean_env(release) })
  end
end

-- is_full reports whether a command failed because a disk is full.
local function is_full(err)
  return type(err) == "userdata" and (err.output:find("No space left on device", 1, true)
    or err.output:find("Disk quota exceeded", 1, true))
end

-- try_installer runs a command of pip's or uv's. The full disk may be the one with their cache,
-- which a release does not need. So where a disk is full, the command runs again without a cache.
local function try_installer(host, release, words, env)
  local function install()
    git.with_private(host, release.options, release.needs, function()
      run_pip(host, words, clean_env(release, env), release.dir)
    end)
  end
  local ok, err = pcall(install)
  if ok then
    return
  elseif not is_full(err) then
    error(err, 0)
  end
  log.warn("a disk is full: the packages are installed again without a cache")
  if not is_uv(release.options) then
    host:script("clear_pip_cache.sh", venv_python(release), release.venv .. "/pyvenv.cfg",
      { env = clean_env(release, env) })
  end
  words[#words + 1] = is_uv(release.options) and "--no-cache" or "--no-cache-dir"
  install()
end

-- run_installer runs pip or uv for the requirements of a release, with the arguments in pip_arg.
local function run_installer(host, release, words, env)
  local options = release.options
  local more, variables = pip_arguments(options)
  write_dependencies(host, release)
  for _, word in ipairs(is_uv(options) and more or { "-r", get_list(options), unpack(more) }) do
    words[#words + 1] = word
  end
  for name, value in pairs(variables) do
    env[name] = value
  end
  try_installer(host, release, words, env)
end

-- With wheels = "once" the first host of each platform, in the order of the hosts file, gets or
-- builds the wheels of everything that is required. They pass through this machine, and all hosts
-- of the platform install just these, by their SHA-256. So the others need neither a compiler nor
-- an index. They run what another host built: that is why app.lua must ask for it.

-- WHEELS is the folder of wheels in a release while they are built and installed.
local WHEELS = ".git/runbook-wheels"

-- builders has the host that builds, by platform. cache is the folder on this machine that the
-- wheels pass through; copies is the number of folders in it. get_release returns the release of a
-- host.
local builders, cache, copies, get_release = {}, nil, 0, nil

-- begin returns the hosts in groups that must be prepared one after the other: with wheels = "once"
-- the hosts that build come first. It makes the cache, which is removed when the run ends, for
-- whatever reason. Call it outside of each.
local function begin(options, servers, record)
  if options.wheels ~= "once" then
    return { servers }
  end
  log.info("wheels = \"once\": what one host builds, the other hosts of its platform install and run")
  localhost:defer(function()
    if cache then
      localhost:run({ "rm", "-rf", "--", cache })
    end
  end)
  cache, get_release = localhost:run({ "mktemp", "-d" }).stdout:match("^[^\n]+"), record -- no cache in a dry run
  local first, rest = {}, {}
  for _, host in ipairs(servers) do
    local platform = platforms[host.name] or ""
    if builders[platform] then
      rest[#rest + 1] = host
    else
      builders[platform], first[#first + 1] = host, host
    end
  end
  return { first, rest }
end

-- pin_wheel returns the line of a requirements file for a wheel. It fails for an invalid wheel name
-- or SHA-256: the host that sends them could otherwise add options of pip.
local function pin_wheel(host, name, digest)
  local project, version = name:match("^([%w._]+)%-([%w._+!]+)%-[%w._]+%-[%w._]+%-[%w._]+%.whl$")
  if not project then
    project, version = name:match("^([%w._]+)%-([%w._+!]+)%-%d[%w._]*%-[%w._]+%-[%w._]+%-[%w._]+%.whl$")
  end
  if not project or not digest:find("^%x+$") or #digest ~= 64 then
    fail(host.name .. " built " .. name .. ", which is not the name of a wheel")
  end
  return ("%s==%s --hash=sha256:%s\n"):format(project, version:gsub("_", "-"), digest)
end

-- build_wheels builds the wheels on a host, and moves them to this machine. It returns where they
-- are and the requirements file that pins them.
local function build_wheels(host, release)
  local folder, lines = release.dir .. "/" .. WHEELS, {}
  releases.discard_on_failure(host, folder, "none") -- the release itself may be complete
  local words = get_pip(release, "wheel")
  words[#words + 1], words[#words + 2] = "--wheel-dir", folder
  run_installer(host, release, words, {})
  for i, record in ipairs(helpers.records(host:script("wheels.py", folder,
    { interpreter = venv_python(release), env = clean_env(release) }).stdout)) do
    lines[i] = pin_wheel(host, unpack(record))
  end
  copies = copies + 1
  local copy = ("%s/%d"):format(cache or "", copies)
  host:download(folder, copy)
  host.fs:remove(folder, { recursive = true })
  return { host = host.name, copy = copy, pins = table.concat(lines) }
end

-- get_wheels returns what build_wheels returns for the platform of a host: the first one that needs
-- wheels has them built, and the others wait.
local function get_wheels(host, options)
  local platform = platforms[host.name] or ""
  local builder = builders[platform]
  return once(table.concat({ "wheels", platform, get_list(options), unpack(options.pip_arg) }, "\0"), function()
    return step("build the wheels on " .. builder.name, { required = true }, function()
      return build_wheels(builder, get_release(builder))
    end)
  end)
end

-- install_wheels installs the wheels of a host's platform.
local function install_wheels(host, release)
  local wheels, folder = get_wheels(host, release.options), release.dir .. "/" .. WHEELS
  log.info("these wheels were built on " .. wheels.host)
  write_dependencies(host, release) -- for verify
  host:upload(wheels.copy, folder)
  host.fs:write(folder .. "/pins.txt", wheels.pins)
  local words = get_pip(release, "install")
  for _, word in ipairs({ "--no-index", "--find-links", folder, "--require-hashes", "-r", folder .. "/pins.txt" }) do
    words[#words + 1] = word
  end
  host:run(words, { cwd = release.dir, env = clean_env(release) })
  host.fs:remove(folder, { recursive = true })
end

-- check_requirements fails where a release lacks the file with its requirements, and names those
-- that it has.
local function check_requirements(host, release, file)
  if not host.fs:exists(release.dir) or host.fs:exists(release.dir .. "/" .. file) then
    return -- in a dry run there is no release
  end
  local hint = "name another with --requirements; \"\" installs nothing"
  if host.fs:exists(release.dir .. "/uv.lock") then
    hint = "it has a uv.lock: venv = \"uv-sync\" in recipes/app.lua; or " .. hint
  elseif host.fs:exists(release.dir .. "/pyproject.toml") then
    hint = "it has a pyproject.toml: requirements = \"pyproject.toml\" in recipes/app.lua; or " .. hint
  end
  fail("there is no " .. file .. " in this revision", hint)
end

-- install installs the requirements. A shared virtualenv is complete then, and linked into the
-- release.
local function install(host, release)
  local file = common.requirements(release.options)
  if file ~= "" and not release.has_venv then
    step("install " .. file, { required = true }, function()
      check_requirements(host, release, file)
      if release.options.wheels == "once" then
        install_wheels(host, release)
      else
        run_installer(host, release, get_installer(host, release))
      end
    end)
  end
  if release.venv ~= release.dir .. "/venv" then
    step("link the virtualenv " .. release.venv:match("[^/]+$"), { required = true }, function()
      if not release.has_venv then
        host.fs:write(release.venv .. "/" .. COMPLETE, "")
      end
      host.fs:symlink(release.venv, release.dir .. "/venv")
    end)
  end
end

-- import_error imports the application of a release with its own Python and returns the reason why
-- the application cannot be imported, or nil.
local function import_error(host, release, script)
  local options = release.options
  local callable = common.server_arg("--callable-object") or "application"
  local user = server.is_mod_wsgi(options) and app.user or ""
  local text, file, line = helpers.record(host:script("import.py", script, callable, user, server.apache_group(),
    { interpreter = release.python, cwd = release.dir, env = clean_env(release, app.env),
      timeout = options.health_within }).stdout)
  if not text then
    return nil
  end
  file = file:gsub("^" .. release.dir:gsub("%p", "%%%0") .. "/", "")
  return text .. (file ~= "" and (" (%s, line %s)"):format(file, line) or "")
end

-- import fails unless the application can be imported, so that a release that cannot start never
-- gets a request.
local function import(host, release)
  local options = release.options
  local script = release.dir .. "/" .. options.wsgi
  if not options.import_check or (not server.is_mod_wsgi(options) and not host.fs:exists(script)) then
    return
  elseif (common.server_arg("--application-type") or "script") ~= "script" then
    log.info("--application-type says that the application is not a WSGI script, so it is not imported")
    return
  end
  step("import " .. options.wsgi, { required = true }, function()
    local why = import_error(host, release, script)
    if why then
      fail(options.wsgi .. " cannot be imported: " .. why,
        "nothing was switched; fix the application, or what it needs, such as env = { … } in recipes/app.lua, " ..
        "and release again\n" ..
        "import_check = false there releases it all the same")
    end
  end)
end

-- verify fails unless the files of a release exist and its requirements are installed. It returns
-- the checksum of the requirements.
local function verify(host, release)
  local options = release.options
  local wsgi = server.is_mod_wsgi(options) and options.wsgi or ""
  local checksum = ""
  local printed = host:script("verify.py", release.dir .. "/venv", wsgi, common.requirements(options),
    get_list(options), { interpreter = release.python, cwd = release.dir, env = clean_env(release) }).stdout
  for _, record in ipairs(helpers.records(printed)) do
    local kind, text = unpack(record)
    if kind == "missing" then
      fail(text,
        "pip succeeded, so its settings on the host may send packages elsewhere: pip config list there shows them")
    elseif kind == "warning" then
      log.warn(text)
    else
      checksum = text
    end
  end
  return checksum
end

-- HAS_FILE succeeds where the commit of a release has a file.
local HAS_FILE = 'git -C "$1" cat-file -e "HEAD:$2" 2>/dev/null'

-- broken returns why an earlier release cannot run, or nil. A release can run if its Python starts
-- in its own virtualenv and has the requirements, and if its WSGI script exists. Without
-- mod_wsgi-express the script counts only if the commit has it. cleared has variables of the login
-- that releases run without.
local function broken(host, options, dir, cleared)
  local record, requirements = dir .. "/" .. releases.REQUIREMENTS, ""
  if host.fs:exists(record) then
    requirements = host.fs:read(record, { max = 4096 })
  end
  local wsgi = server.script(options)
    or host:test({ "sh", "-c", HAS_FILE, "sh", dir, options.wsgi }) and options.wsgi or ""
  local result = host:script("verify.py", dir .. "/venv", wsgi, requirements, requirements,
    { interpreter = dir .. "/venv/bin/python", cwd = dir, env = clean_env({ cleared = cleared }), changes = false,
      check = false, timeout = "60s" })
  local kind, text = helpers.record(result.stdout)
  if not result.ok then
    return result.stderr:match("([^\n]+)%s*$") or "its Python ends with exit status " .. result.code
  end
  return kind == "missing" and text or nil
end

-- parse_requirements adds the packages of a requirements file to found, by their normalized names:
-- how the file spells them, and which versions it asks for. A lock file has a name and a version on
-- lines of their own.
local function parse_requirements(text, found)
  for name, version in text:gmatch('name = "([^"\n]+)"%s*\nversion = "([^"\n]+)"') do
    found[name:lower():gsub("[-_.]+", "-")] = { name, "==" .. version }
  end
  for line in helpers.lines((text:gsub("\r", ""):gsub("\\\n", " "))) do
    local plain = line:gsub("^%s*#.*$", ""):gsub("%s+#.*$", "")
      :gsub("^%s*%-e%s+", ""):gsub("^%s*%-%-editable[%s=]+", "")
    plain = plain:match("^%s*[\"']([^\"']+)[\"'],?%s*$") or plain -- an item of a list in pyproject.toml
    local name, rest = plain:match("^%s*([%w][%w._-]*)%s*(.*)$")
    local egg = plain:match("^%s*%S+#egg=([%w._-]+)")
    if egg then
      name, rest = egg, "@ " .. plain:match("%S+")
    end
    rest = rest and rest:gsub("^%b[]%s*", ""):gsub("%s+%-%-.*$", ""):gsub("%s*;.*$", ""):gsub("%s+$", "")
    rest = rest and not rest:find("^@") and rest:gsub("%s", "") or rest
    if name and (rest == "" or rest:find("^==") or rest:find("^[<>!~@(]")) then
      found[(name:lower():gsub("[-_.]+", "-"))] = { name, redact_url(rest) }
    end
  end
end

-- describe_version returns a version as the plan shows it.
local function describe_version(spec)
  return spec == "" and "any version" or spec:match("^==%s*([^,*]+)$") or spec
end

-- compare_requirements returns a row for each package that is added, removed or asked for in
-- another version, and whether the files differ at all. texts has the requirements of two commits,
-- see host.git:compare.
local function compare_requirements(texts)
  local before, after, names, rows, differ = {}, {}, {}, {}, false
  for _, text in ipairs(texts) do
    differ = differ or text.old ~= text.new
    parse_requirements(text.old, before)
    parse_requirements(text.new, after)
  end
  for _, list in ipairs({ before, after }) do
    for name in pairs(list) do
      if list == before or not before[name] then
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local old, new = before[name], after[name]
    if not old then
      rows[#rows + 1] = { new[1], describe_version(new[2]), "added" }
    elseif not new then
      rows[#rows + 1] = { old[1], describe_version(old[2]), "removed" }
    elseif old[2] ~= new[2] then
      rows[#rows + 1] = { new[1], describe_version(old[2]) .. " → " .. describe_version(new[2]), "changed" }
    end
  end
  return rows, differ
end

-- plan_requirements states what changes in the requirements.
local function plan_requirements(host, texts)
  host:plan("requirements", function()
    local rows, differ = compare_requirements(texts)
    if #rows == 0 then
      return differ and "changed, but no package is added, removed or asked for in another version" or nil
    end
    return { rows = rows }
  end)
end

-- prune removes the shared virtualenvs that no release has a link to.
local function prune(host, paths)
  for _, record in ipairs(helpers.records(host:script("prune_virtualenvs.sh", paths.root).stdout)) do
    log.info("removed the virtualenv " .. record[1] .. ", which no release has a link to")
  end
end

return {
  broken = broken, begin = begin,
  problem = problem, virtualenv = virtualenv, install = install, import = import, verify = verify, prune = prune,
  plan_requirements = plan_requirements, compare_requirements = compare_requirements,
  pip_arguments = pip_arguments, pip_problem = pip_problem,
  format_netrc = format_netrc, redact_url = redact_url,
}
