-- The settings of app.lua, declared once: name = { default, "help", … }, in the form of a recipe's
-- options. A key that app.lua omits has the default. A wrong key is an error at its line, before
-- any host is contacted.

local helpers = require "helpers"

-- together returns a check that fails a setting without another one.
local function together(other, why)
  return function(_, all) return all[other] == nil and "needs " .. other .. ": " .. why or nil end
end

-- once_or_each declares a function(host, release) for every host, or { once = function, each =
-- function }, where once is called for the first host only.
local function once_or_each(help)
  return { nil, help, type = "function|table<string, function>", choices = { "once", "each" } }
end

-- shared_name returns an entry of shared without the trailing slash that makes it a folder.
local function shared_name(entry)
  return (entry:gsub("/+$", ""))
end

-- OWN has the names in a release that belong to runbook or git.
local OWN = { [".git"] = true, venv = true, [".runbook.json"] = true }

-- shared_problem returns why an entry of shared cannot be linked into a release, or nil. A link out
-- of the release, or over a file that belongs to it, could change or remove files of others.
local function shared_problem(entries)
  for i, entry in ipairs(entries) do
    local name = shared_name(entry)
    local first, path = name:match("^[^/]*"), "/" .. name .. "/"
    if first == "" or path:find("//", 1, true) or path:find("/%.%.?/") or name:find("%c") then
      return "\"" .. entry .. "\" is not a path in the release"
    elseif OWN[first] then
      return "\"" .. entry .. "\": each release has " .. first .. " of its own"
    end
    for j, other in ipairs(entries) do
      local inner = shared_name(other)
      if i ~= j and inner == name then
        return "\"" .. other .. "\" is named twice"
      elseif (inner .. "/"):sub(1, #name + 1) == name .. "/" and i ~= j then
        return "\"" .. other .. "\" is in \"" .. entry .. "\", which is shared already"
      end
    end
  end
  return nil
end

-- APACHECTL has variables that apachectl itself uses after it has read those of the application.
local APACHECTL = {
  RUNBOOK_ENVIRONMENT = true, HTTPD = true, HTTPD_ARGS = true, HTTPD_COMMAND = true, ACMD = true, ARGV = true,
  MOD_WSGI_SERVER_ROOT = true, MOD_WSGI_WORKING_DIRECTORY = true,
}

-- env_problem returns why a variable of env cannot be set, or nil.
local function env_problem(env)
  for name, value in pairs(env) do
    if not name:find("^[%a_][%w_]*$") then
      return "\"" .. name .. "\" is not a valid name of a variable"
    elseif APACHECTL[name] then
      return name .. " is a variable of apachectl itself"
    elseif value:find("%z") then
      return name .. " contains a NUL byte"
    end
  end
  return nil
end

-- private_problem returns which entry of private is not a server, or nil.
local function private_problem(entries)
  for _, entry in ipairs(entries) do
    if not entry:find("^[%w._-]+@[%w%.:%[%]_-]+$") and not entry:find("^[%w._-]+$") then
      return "\"" .. entry .. "\" is not a git server; write it like git@git.example.com"
    end
  end
  return nil
end

-- group_problem returns why a group cannot be used, or nil.
local function group_problem(group)
  return group ~= "" and not group:find("^[%w_][%w_.-]*%$?$")
    and "\"" .. group .. "\" is not a valid name of a group" or nil
end

-- umask_problem returns why a umask cannot be used, or nil. The owner and, with a group, its
-- members must be able to change what is made.
local function umask_problem(umask, all)
  local owner, group, others = umask:match("^0?([0-7])([0-7])([0-7])$")
  if umask == "" then
    return nil
  elseif not owner then
    return "want three octal digits such as \"022\", got \"" .. umask .. "\""
  elseif owner ~= "0" then
    return "\"" .. umask .. "\" takes permissions from the login itself"
  elseif group ~= "0" and (all.group or "") ~= "" then
    return "\"" .. umask .. "\" takes permissions from the group " .. all.group ..
      "; with a group it is \"00" .. others .. "\""
  end
  return nil
end

-- line_problem returns why a text is not one line, or nil.
local function line_problem(text)
  return text:find("%c") and "contains a control character" or nil
end

-- RESERVED has the options of mod_wsgi-express setup-server that runbook sets itself, each with the
-- setting of app.lua to use instead, or "".
local RESERVED = {
  ["--server-root"] = "server_root", ["--port"] = "port", ["--processes"] = "processes", ["--threads"] = "threads",
  ["--user"] = "user", ["--group"] = "group", ["--entry-point"] = "wsgi", ["--envvars-script"] = "env",
  ["--shutdown-timeout"] = "request_seconds", ["--graceful-timeout"] = "request_seconds",
  -- These are paths through ROOT/current, or are needed to prove which release is served.
  ["--working-directory"] = "", ["--python-path"] = "", ["--pid-file"] = "",
  ["--log-directory"] = "", ["--error-log-name"] = "", ["--log-to-terminal"] = "", ["--setup-only"] = "",
  ["--embedded-mode"] = "", ["--debug-mode"] = "",
}

-- RESERVED_FLAGS has the options in RESERVED without a value.
local RESERVED_FLAGS = { ["--log-to-terminal"] = true, ["--setup-only"] = true, ["--embedded-mode"] = true,
  ["--debug-mode"] = true }

-- option_name returns the option in a word without its value, or nil.
local function option_name(word)
  return word:match("^(%-%-?[%a][%w-]*)")
end

-- reserved returns the option of RESERVED in a word, or nil. setup-server accepts abbreviations,
-- such as --proc for --processes. The other results are the setting to use instead, and whether the
-- option takes no value.
local function reserved(word)
  local option = option_name(word) or ""
  for full, setting in pairs(RESERVED) do
    if full == option or not RESERVED[option] and #option > 2 and full:sub(1, #option) == option then
      return full, setting, RESERVED_FLAGS[full] ~= nil
    end
  end
  return nil
end

-- server_args_problem returns why server_args has an option that runbook sets itself, or nil.
local function server_args_problem(args)
  for _, word in ipairs(args) do
    local option, setting = reserved(word)
    if option then
      return "runbook sets " .. option .. " itself; " ..
        (setting ~= "" and "set " .. setting .. " instead" or "leave it out")
    end
  end
  return nil
end

-- flags are settings that are also flags of the recipes. lab is the value in tests that leave the
-- flag out.
local flags = {
  root = { "/srv/app", "the folder on the hosts that contains the releases" },
  repo = { "", "the git repository: ssh, https (a login in the URL is never written to a host), or a path on the host",
    lab = "{repo}" },
  source = { "git", "how the code comes to the hosts: git, they fetch it from the git server; " ..
    "push, this machine sends it; archive, this machine sends a folder or a tar archive",
    choices = { "git", "push", "archive" } },
  path = { "", "with --source archive: the folder or the tar archive on this machine" },
  branch = { "release", "the branch to release", lab = "{branch}" },
  depth = { 0, "commits of history in a release, without a mirror on the host; 0 for the whole history, from a mirror",
    min = 0 },
  key = { {}, "deploy key: a file on this machine (--agent forward) or on the host (--agent host)", lab = "{key}" },
  agent = { "forward",
    "where the ssh agent runs: forward, inside runbook and forwarded during the clone; host, on the host",
    choices = { "forward", "host" }, lab = "forward" },
  private = { {}, "git server that requirements and submodules may use with the key: user@host, or user@host:port",
    check = private_problem },
  python = { "/usr/bin/python3", "the Python interpreter that makes the virtualenv", lab = "{python}" },
  requirements = { "requirements.txt",
    "the requirements file in the repository, or pyproject.toml for its dependencies; \"\" for none",
    lab = "{requirements}" },
  pip_arg = { {}, "additional argument for pip install", lab = { "--no-index", "--find-links={wheels}" } },
  venv = { "fresh", "the virtualenv: fresh for each release; reuse, shared while all requirements are pinned; " ..
    "uv and virtualenv, fresh and made by these; uv-sync, by uv from uv.lock",
    choices = { "fresh", "reuse", "uv", "uv-sync", "virtualenv" } },
  uv = { "uv", "the program uv on the hosts, for --venv uv and uv-sync: " ..
    "a name, looked for on PATH and in ~/.local/bin, or a path" },
  wheels = { "each",
    "where wheels are built: each, on every host; once, on one host of each platform, for the others too",
    choices = { "each", "once" } },
  wsgi = { "wsgi.py", "the WSGI script, a file in the repository", lab = "{wsgi}" },
  processes = { 2, "daemon processes of mod_wsgi-express", min = 1 },
  threads = { 5, "request threads in each process", min = 1 },
  port = { 8000, "the port that mod_wsgi-express listens on", min = 1, max = 65535 },
  server_root = { "", "the folder of mod_wsgi-express's configuration; default ROOT/server", lab = "" },
  mod_wsgi_express = { "", "the program mod_wsgi-express; default the release's own, else the one on PATH",
    lab = "{mod_wsgi_express}" },
  restart = { "touch", "how to restart mod_wsgi-express after the switch", type = "string|function",
    choices = { "graceful", "restart", "touch", "none" } },
  request_seconds = { 30, "seconds that requests in flight have to finish when their process restarts", min = 1 },
  import_check = { true, "import the application before the switch; --import-check=false does not" },
  health = { "auto", "path of the health check after the switch; " ..
    "auto is / with mod_wsgi-express and no check otherwise; \"\" for no check" },
  health_status = { nil, "status that the health check wants; default any below 500 for /, and 200 for another path",
    type = "integer",
    min = 100, max = 599 },
  health_host = { "", "Host header of the health check; default the address" },
  health_within = { "30s", "time limit of the health check", type = "duration" },
  keep = { 5, "number of complete releases to keep on each host", min = 1 },
  at_once = { 10, "number of hosts to prepare at the same time", min = 1 },
  batch = { 1, "number of hosts to switch at the same time, or a percentage such as 25%", type = "integer|percent",
    min = 1 },
  max_failures = { 0, "number of hosts that may fail before the run stops", min = 0 },
}

-- UNRECORDED has the flags that a release does not record: those about a run or a place, and those
-- that may contain a secret.
local UNRECORDED = { root = true, repo = true, path = true, key = true, health = true, health_host = true,
  at_once = true, batch = true, max_failures = true }

-- format_setting returns a setting as a text.
local function format_setting(value)
  return type(value) == "table" and table.concat(value, " ") or type(value) == "function" and "a function"
    or tostring(value)
end

-- record returns the settings of a release by name, as texts for its .runbook.json. hide removes
-- the passwords from an argument of pip.
local function record(options, hide)
  local settings = {}
  for name in pairs(flags) do
    local value = not UNRECORDED[name] and options[name]
    if name == "pip_arg" then
      value = {}
      for i, word in ipairs(options.pip_arg) do
        value[i] = hide(word)
      end
    end
    if value ~= nil and not UNRECORDED[name] then
      settings[name] = format_setting(value)
    end
  end
  return settings
end

-- changes returns the settings that differ from recorded ones, sorted: { name, "before → now" }.
local function changes(recorded, settings)
  local rows = {}
  for name, value in pairs(settings) do
    local before = recorded[name]
    if type(before) == "string" and before ~= value then
      rows[#rows + 1] = { name, (before == "" and '""' or before) .. " → " .. (value == "" and '""' or value) }
    end
  end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  return rows
end

-- signers_problem returns what verify lacks, or nil.
local function signers_problem(value, all)
  return value ~= "none" and (all.allowed_signers or "") == ""
    and "needs allowed_signers: the file of keys whose signatures count" or nil
end

-- settings_only are settings that are not flags.
local settings_only = {
  verify = { "none", "release only what an allowed signer signed with ssh: the commit, or a tag that points to it",
    choices = { "none", "commit", "tag" }, check = signers_problem },
  allowed_signers = { "", "the file of allowed signers on this machine, see ssh-keygen(1)" },
  lfs = { "fetch", "files of Git LFS: fetch them with the host's git-lfs, or release the pointer files as they are",
    choices = { "fetch", "pointers" } },
  git_proxy = { "", "ProxyCommand of ssh on the hosts for git servers; their own ssh_config is not used",
    check = line_problem },
  signatures = { 3, "number of signatures with the deploy key that each host gets for one clone", min = 1 },
  user = { "www-data", "the user that Apache runs as when the login is root" },
  group = { "", "the group of the admins who share root; " ..
    "when the login is root, Apache's group, by default of the user's name",
    check = group_problem },
  umask = { "", "the umask of everything that a run makes on a host; default 022, and 002 with a group",
    check = umask_problem },
  server_args = { {}, "more options for mod_wsgi-express setup-server", check = server_args_problem },
  env = { nil, "the application's environment", type = "table<string, string>", check = env_problem },
  healthy = { nil, "function(body, release) that returns true when the answer is right", type = "function" },
  preflight = { nil, "function(host) that fails where a host lacks what your functions need; " ..
    "called before anything is changed",
    type = "function" },
  drain = { nil, "function(host) that takes a host out of service", type = "function",
    check = together("restore", "drain takes a host out of service, restore puts it back") },
  restore = { nil, "function(host) that puts a host back into service", type = "function",
    check = together("drain", "drain takes a host out of service, restore puts it back") },
  before_switch = once_or_each("called before the switch of a release"),
  after_switch = once_or_each("called after the switch, while the host is out of service"),
  shared = { {}, "files and folders to link from ROOT/shared into each release", check = shared_problem },
  migrations = { "*/migrations/*", "the migrations of a database, for the plan of a dry run: " ..
    "a path in which * is any text; \"\" for none" },
  free_megabytes = { 100, "free megabytes on the disk that a release needs to begin", min = 0 },
  free_inodes = { 10000, "free inodes on the disk that a release needs to begin", min = 0 },
}

local declared = {}
for _, group in ipairs({ flags, settings_only }) do
  for name, declaration in pairs(group) do
    declared[name] = declaration
  end
end

local given = require "app"
local functions = {}
for name, value in pairs(given) do
  functions[name] = type(value) == "function" and value or nil
end
local checks = #helpers.checks
local app = validate(given, declared) -- with --stage staging, the keys of app.staging.lua override those of app.lua
for name, fn in pairs(functions) do
  -- A test replaces or removes the functions, and so may a stage. Then the checks of the originals
  -- are not needed.
  if app[name] ~= fn and (name == "drain" or name == "restore" or name == "restart") then
    helpers.clear_checks(checks)
    checks = 0
  end
end

-- flag returns the declaration of an option whose default is the setting in app.lua. Where that is
-- a function, the default is "", and the function is called unless the flag is given; see
-- lib/server.lua.
local function flag(name)
  local option = {}
  for key, value in pairs(flags[name] or error("lib/options.lua declares no flag " .. name)) do
    option[key] = key ~= "check" and value or nil -- for app.lua; preflight checks the flag
  end
  option[1] = type(app[name]) == "function" and "" or app[name]
  return option
end

-- some returns the options with these names, and the recipe's own.
local function some(names, own)
  local options = {}
  for _, name in ipairs(names) do
    options[name] = flag(name)
  end
  for name, declaration in pairs(own or {}) do
    options[name] = declaration
  end
  return options
end

-- all returns all options, and the recipe's own.
local function all(own)
  local names = {}
  for name in pairs(flags) do
    names[#names + 1] = name
  end
  return some(names, own)
end

-- shared_group returns the group whose members share root, or "". A group with the name of user is
-- Apache's.
local function shared_group()
  return app.group ~= app.user and app.group or ""
end

-- requirements returns the file in the repository that lists what a release needs, or "".
local function requirements(options)
  return options.venv == "uv-sync" and "uv.lock" or options.requirements
end

-- server_arg returns the value of an option with one value in server_args, or nil.
local function server_arg(option)
  for i, word in ipairs(app.server_args) do
    if word == option then
      return app.server_args[i + 1]
    elseif word:sub(1, #option + 1) == option .. "=" then
      return word:sub(#option + 2)
    end
  end
  return nil
end

return {
  app = app, requirements = requirements, shared_group = shared_group, all = all, some = some, record = record,
  changes = changes,
  shared_name = shared_name, server_arg = server_arg, option_name = option_name, reserved = reserved,
  server_args_problem = server_args_problem,
  shared_problem = shared_problem, private_problem = private_problem }
