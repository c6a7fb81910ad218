-- The options that recipes have in common: their defaults come from app.lua, each becomes a flag.

local app = require "app"

local common = {
  root = { app.root, "the folder on the hosts that holds the releases" },
  repo = { app.repo, "the git repository: ssh, https, or a path on the host" },
  branch = { app.branch, "the branch to release" },
  depth = { app.depth, "how many commits of history a release gets, without a mirror on the host; 0 for all, from a mirror", min = 0 },
  key = { app.key, "deploy key: a file on this machine (--agent forward) or on the host (--agent host)" },
  agent = { app.agent, "where the agent runs: inside runbook, forwarded for the clone only, or on the host",
    choices = { "forward", "host" } },
  python = { app.python, "the interpreter to build the virtualenv with" },
  requirements = { app.requirements, "what pip installs, a file in the repository; \"\" for nothing" },
  pip_arg = { app.pip_arg, "extra argument for pip install" },
  venv = { app.venv, "a virtualenv made for each release, one that serves again while everything is pinned, or one by uv",
    choices = { "fresh", "reuse", "uv" } },
  wsgi = { app.wsgi, "the WSGI script, a file in the repository" },
  processes = { app.processes, "daemon processes of mod_wsgi-express", min = 1 },
  threads = { app.threads, "request threads in each process", min = 1 },
  port = { app.port, "the port that mod_wsgi-express listens on", min = 1, max = 65535 },
  server_root = { app.server_root, "where mod_wsgi-express keeps its configuration; default ROOT/server" },
  mod_wsgi_express = { app.mod_wsgi_express, "the program; default the release's own, else the one on PATH" },
  -- A function of app.lua's own is called where no other way is named; see lib/server.lua.
  restart = { type(app.restart) == "function" and "" or app.restart, "what becomes of mod_wsgi-express after the switch",
    choices = { "graceful", "restart", "touch", "none" } },
  health = { app.health, "a path that must answer " .. tostring(app.health_status or 200) .. " after the switch; \"\" for no check" },
  health_within = { app.health_within, "how long that may take" },
  keep = { app.keep, "complete releases to keep on each host", min = 1 },
  at_once = { app.at_once, "how many hosts are prepared at the same time", min = 1 },
  batch = { tostring(app.batch), "how many hosts are switched together: a number, or a percentage such as 25%" },
  max_failures = { app.max_failures, "how many hosts may fail before no further one is begun", min = 0 },
}

-- with returns a recipe's own options together with these.
local function with(options, own)
  for name, declaration in pairs(own or {}) do
    options[name] = declaration
  end
  return options
end

-- all returns all of the above, and a recipe's own.
local function all(own)
  return with(with({}, common), own)
end

-- some returns those of the above that are named, and a recipe's own.
local function some(names, own)
  local options = {}
  for _, name in ipairs(names) do
    options[name] = common[name] or error("lib/options.lua declares no option " .. name)
  end
  return with(options, own)
end

return { all = all, some = some }
