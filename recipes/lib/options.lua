-- What app.lua may say, declared once: name = { default, "help", … }, in the form of a recipe's options. A key that app.lua
-- leaves out has the default. A wrong one is an error at its line, before any host is contacted.

local layout = require "layout"
local server_args = require "server_args"

-- together fails a setting that makes no sense without another one.
local function together(other, why)
  return function(_, all) return all[other] == nil and "needs " .. other .. ": " .. why or nil end
end

-- once_or_each is a function(host, release) for every host, or { once = function, each = function }, where once is called on the
-- first host alone.
local function once_or_each(help)
  return { nil, help, type = "function|table<string, function>", choices = { "once", "each" } }
end

-- APACHECTL are variables that apachectl uses itself after it has read those of the application.
local APACHECTL = {
  RUNBOOK_ENVIRONMENT = true, HTTPD = true, HTTPD_ARGS = true, HTTPD_COMMAND = true, ACMD = true, ARGV = true,
  MOD_WSGI_SERVER_ROOT = true, MOD_WSGI_WORKING_DIRECTORY = true,
}

-- env_problem returns why a variable of env cannot be set, or nil.
local function env_problem(env)
  for name, value in pairs(env) do
    if not name:find("^[%a_][%w_]*$") then
      return "\"" .. name .. "\" can't be the name of a variable"
    elseif APACHECTL[name] then
      return name .. " is a variable of apachectl itself"
    elseif value:find("%z") then
      return name .. " has a NUL byte in it"
    end
  end
  return nil
end

-- Settings that are also flags of the recipes.
local flags = {
  root = { "/srv/app", "the folder on the hosts that holds the releases" },
  repo = { "", "the git repository: ssh, https (with a login in it, which no file on the hosts gets), or a path on the host" },
  branch = { "release", "the branch to release" },
  depth = { 0, "how many commits of history a release gets, without a mirror on the host; 0 for all, from a mirror", min = 0 },
  key = { {}, "deploy key: a file on this machine (--agent forward) or on the host (--agent host)" },
  agent = { "forward", "where the agent runs: inside runbook, forwarded for the clone only, or on the host",
    choices = { "forward", "host" } },
  python = { "/usr/bin/python3", "the interpreter to build the virtualenv with" },
  requirements = { "requirements.txt", "what pip installs, a file in the repository; \"\" for nothing" },
  pip_arg = { {}, "extra argument for pip install" },
  venv = { "fresh", "a virtualenv made for each release, one that serves again while everything is pinned, or one by uv",
    choices = { "fresh", "reuse", "uv" } },
  wsgi = { "wsgi.py", "the WSGI script, a file in the repository" },
  processes = { 2, "daemon processes of mod_wsgi-express", min = 1 },
  threads = { 5, "request threads in each process", min = 1 },
  port = { 8000, "the port that mod_wsgi-express listens on", min = 1, max = 65535 },
  server_root = { "", "where mod_wsgi-express keeps its configuration; default ROOT/server" },
  mod_wsgi_express = { "", "the program; default the release's own, else the one on PATH" },
  restart = { "touch", "what becomes of mod_wsgi-express after the switch", type = "string|function",
    choices = { "graceful", "restart", "touch", "none" } },
  request_seconds = { 30, "how long requests in flight may go on when their process is to restart", min = 1 },
  import_check = { true, "import the application before anything is switched" },
  health = { "auto", "a path that must answer after the switch; auto is / with mod_wsgi-express, and no check otherwise; \"\" for no check" },
  health_status = { nil, "the status that it must answer; default any below 500 for /, and 200 for another path", type = "integer",
    min = 100, max = 599 },
  health_host = { "", "the Host header of that request; default the address" },
  health_within = { "30s", "how long that may take", type = "duration" },
  keep = { 5, "complete releases to keep on each host", min = 1 },
  at_once = { 10, "how many hosts are prepared at the same time", min = 1 },
  batch = { 1, "how many hosts are switched together: a number, or a percentage such as 25%", type = "integer|percent", min = 1 },
  max_failures = { 0, "how many hosts may fail before no further one is begun", min = 0 },
}

-- signers_problem says what verify lacks, or nil.
local function signers_problem(value, all)
  return value ~= "none" and (all.allowed_signers or "") == "" and "needs allowed_signers: the file of those whose signature counts" or nil
end

-- Settings that only app.lua has.
local settings_only = {
  verify = { "none", "release only what an allowed signer has signed with ssh: the commit itself, or a tag at it",
    choices = { "none", "commit", "tag" }, check = signers_problem },
  allowed_signers = { "", "the file of allowed signers, as in ssh-keygen(1), on this machine" },
  signatures = { 3, "how many logins with the deploy key each host gets signed for one clone", min = 1 },
  user = { "www-data", "the user that Apache runs as where the login is root" },
  group = { "www-data", "that user's group" },
  server_args = { {}, "more options for mod_wsgi-express setup-server", check = server_args.own },
  env = { nil, "the application's environment", type = "table<string, string>", check = env_problem },
  healthy = { nil, "function(body, release) returns true when the answer is right", type = "function" },
  drain = { nil, "function(host) takes a host out of service", type = "function",
    check = together("restore", "what takes a host out of service needs what puts it back") },
  restore = { nil, "function(host) puts a host back into service", type = "function",
    check = together("drain", "what puts a host back needs what takes it out of service") },
  before_switch = once_or_each("called before the switch of a release"),
  after_switch = once_or_each("called after the switch, while the host is out of service"),
  shared = { {}, "what to link from ROOT/shared into each release", check = layout.shared_problem },
  free_megabytes = { 100, "refuse to begin with less room than this on the disk", min = 0 },
  free_inodes = { 10000, "and with fewer files left than this", min = 0 },
}

local declared = {}
for _, group in ipairs({ flags, settings_only }) do
  for name, declaration in pairs(group) do
    declared[name] = declaration
  end
end

local app = validate(require "app", declared)

-- flag returns the declaration of an option whose default is what app.lua says. A function of app.lua's own is called where
-- the flag names no other way; see lib/server.lua.
local function flag(name)
  local option = {}
  for key, value in pairs(flags[name] or error("lib/options.lua declares no flag " .. name)) do
    option[key] = value
  end
  option[1] = type(app[name]) == "function" and "" or app[name]
  return option
end

-- some returns the options of these names, and a recipe's own.
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

-- all returns the options of all names, and a recipe's own.
local function all(own)
  local names = {}
  for name in pairs(flags) do
    names[#names + 1] = name
  end
  return some(names, own)
end

return { app = app, all = all, some = some }
