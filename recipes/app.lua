-- What is particular to your application. The recipes share this table, and most of it can be changed for one run
-- by a flag: processes = 2 here is --processes 4 there. `runbook run recipes/release.lua --help` lists the flags.
-- A key that is left out has the default in lib/options.lua. `runbook check recipes/app.lua` finds mistakes.

-- Behind HAProxy: take the dashes away here, and from drain and restore below. The hosts file names the balancer with
-- tags = { "balancer" }. Behind another balancer: lib/healthfile.lua, or functions of your own.
-- local haproxy = require("haproxy").pool({ socket = "/run/haproxy/admin.sock", backend = "app" })

return {
  root = "/srv/app",               -- the folder on every host that holds the releases; recipes/setup.lua makes it
  repo = "ssh://git@git.example.com/team/app.git", -- the git repository: ssh, https, or a path on the host; with a token:
                                   -- "https://" .. secret.env("GIT_TOKEN") .. "@git.example.com/team/app.git"
  branch = "release",              -- the branch whose head is released
  depth = 0,                       -- 0: a mirror on the host, ROOT/repo.git, gets what is new, and releases take all of the history from it;
                                   -- 1 or more: no mirror; each release fetches so many commits anew

  key = {},                        -- deploy keys for the repository, such as { "~/.ssh/deploy" }; {}: git needs none
  agent = "forward",               -- "forward": the key files are on this machine; "host": they are on the host
  signatures = 3,                  -- how many logins with the key each host gets signed for one clone
  -- verify = "commit",            -- release only a commit with an ssh signature of an allowed signer; "tag": or with a signed tag at it
  -- allowed_signers = "recipes/allowed_signers", -- one a line: ada@example.com ssh-ed25519 AAAA…; see ssh-keygen(1)

  python = "/usr/bin/python3",     -- the interpreter that each release's virtualenv is built with
  requirements = "requirements.txt", -- what pip installs, a file in the repository; "": nothing
  pip_arg = {},                    -- more arguments for pip install, such as { "--index-url=https://pypi.example.com" }; URLs of
                                   -- indexes, which may have a password in them, reach pip by its environment
  venv = "fresh",                  -- "fresh": a virtualenv for each release; "reuse": one for all with the same pinned
                                   -- requirements, linked; "uv": fresh, made by uv, which must be on the host

  wsgi = "wsgi.py",                -- the WSGI script, a file in the repository
  processes = 2,                   -- daemon processes of mod_wsgi-express; more of them, or of threads, than Apache was started
                                   -- for take a stop and a start, which --dry-run tells
  threads = 5,                     -- request threads in each of them
  port = 8000,                     -- the port that mod_wsgi-express listens on
  user = "www-data",               -- whom Apache runs as where the login is root; otherwise it runs as the login
  group = "www-data",              -- and that user's group
  server_root = "",                -- where mod_wsgi-express keeps its configuration; "": ROOT/server
  mod_wsgi_express = "",           -- the program; "": the release's own venv/bin/mod_wsgi-express, else on PATH
  restart = "touch",               -- after the switch: "touch", "graceful", "restart" or "none"; for another server than
                                   -- mod_wsgi-express a function(host, release): see lib/gunicorn.lua
  request_seconds = 30,            -- how long requests in flight may go on when their process is to restart
  -- More options for mod_wsgi-express; `mod_wsgi-express setup-server --help` lists them. Relative paths are those of the repository.
  -- server_args = { "--url-alias", "/static", "static", "--trust-proxy-header", "X-Forwarded-For" },
  -- The application's environment variables. A change has Apache stopped and started at the next release or restart.
  -- env = { DATABASE_URL = secret.env("DATABASE_URL") },

  import_check = true,             -- import the application before anything is switched: one that can't be is not released
  -- health = "/health",           -- must answer after the switch, or the host goes back: "/" with mod_wsgi-express; "": no check
  -- health_status = 200,          -- with this status, after redirects on the same server; without it any below 500 for "/", else 200
  -- health_host = "www.example.com", -- the Host header; Django answers 400 to one that ALLOWED_HOSTS lacks
  -- healthy = function(body, release) return body:find(release.name, 1, true) ~= nil end, -- and with a body that is right
  health_within = "30s",           -- how long it may take until it does

  batch = 1,                       -- how many hosts are switched together: a number, or "25%"
  max_failures = 0,                -- how many hosts may fail before no further one is begun

  -- What is done around the switch on each host. release has name, revision, dir, python (its virtualenv's), current (the link)
  -- and action ("release" or "rollback"). If drain or before_switch fails, nothing is switched; if after_switch fails on
  -- a host, that host goes back. A rollback does no before_switch.
  -- drain = haproxy.drain, restore = haproxy.restore,
  -- before_switch = { once = function(host, release) -- on the first host; each = function … is done on every host
  --   host:run({ release.python, "manage.py", "migrate" }, { cwd = release.dir })
  -- end },
  -- after_switch = function(host, release) log.info(release.name .. " serves on " .. host.name) end,

  keep = 5,                        -- complete releases to keep on each host
  at_once = 10,                    -- how many hosts are prepared at the same time
  shared = {},                     -- what to link from ROOT/shared into each release: { ".env", "media/" }
  free_megabytes = 100,            -- refuse to begin with less room than this on the disk
  free_inodes = 10000,             -- and with fewer files left than this: a virtualenv has thousands
}
