-- The settings of your application, for all recipes. For one run a flag overrides most of them:
-- --processes 4 overrides processes = 2. `runbook run recipes/release.lua --help` lists the flags.
-- vars in the hosts file change a key for one host. A flag, or else a variable such as
-- RUNBOOK_PROCESSES, is for all hosts. A key that you leave out has the default in lib/options.lua.
-- `runbook check recipes/app.lua` finds mistakes.

-- Behind HAProxy: remove the dashes here, and before drain and restore below. In the hosts file the
-- balancer has tags = { "balancer" }. Behind another balancer: healthfile in lib/haproxy.lua, or
-- functions of your own.
-- local haproxy = require("haproxy").pool({ socket = "/run/haproxy/admin.sock", backend = "app" })

return {
  root = "/srv/app",               -- the folder on every host that contains the releases; recipes/setup.lua makes it
  -- The git repository: ssh, https, or a path on the host. With a token:
  -- "https://" .. secret.env("GIT_TOKEN") .. "@git.example.com/team/app.git"
  repo = "ssh://git@git.example.com/team/app.git",
  branch = "release",              -- the branch whose head is released
  -- source = "push",              -- for hosts that cannot reach the git server: this machine sends
                                   -- the commits; "archive": it sends a folder or a tar archive,
  -- path = "dist",                -- such as what was built here
  depth = 0,                       -- 0: the mirror ROOT/repo.git on the host fetches new commits for
                                   -- all releases; 1 or more: no mirror; each release fetches this
                                   -- many commits again

  key = {},                        -- deploy keys for the repository, such as { "~/.ssh/deploy" }; {}: git needs no key
  agent = "forward",               -- "forward": the key files are on this machine; "host": they are on the host
  signatures = 3,                  -- how many signatures with the key each host gets for one clone
  -- ProxyCommand of ssh on the hosts for git servers; git there reads no ssh_config:
  -- git_proxy = "nc -X connect -x proxy.example.com:3128 %h %p",
  private = {},                    -- git servers that requirements and submodules may use with the
                                   -- key: { "git@git.example.com" }
  lfs = "fetch",                   -- files of Git LFS: fetched by git-lfs on the host; "pointers":
                                   -- left as pointer files
  -- verify = "commit",            -- release only commits that an allowed signer signed; "tag": with a signed tag
  -- allowed_signers = "recipes/allowed_signers", -- one a line: ada@example.com ssh-ed25519 AAAA…; see ssh-keygen(1)

  python = "/usr/bin/python3",     -- the interpreter that makes the virtualenv of each release
  requirements = "requirements.txt", -- the requirements file in the repository; "pyproject.toml":
                                   -- the dependencies of its [project], but not the project itself,
                                   -- which pip_arg = { "." } adds; "": none
  pip_arg = {},                    -- more arguments for pip install, such as
                                   -- { "--index-url=https://pypi.example.com" }; a password in the
                                   -- URL of an index reaches pip by its environment
  venv = "fresh",                  -- "fresh": a virtualenv for each release; "reuse": shared by
                                   -- releases with the same pinned requirements; "virtualenv":
                                   -- fresh, made by the interpreter's module virtualenv, which the
                                   -- first two also use where it has no venv; "uv": fresh, made by
                                   -- uv on the host; "uv-sync": what uv.lock in the repository
                                   -- says, by uv sync
  -- uv = "~/.local/bin/uv",       -- uv on the hosts; default: on PATH, then where uv's installer puts it
  -- wheels = "once",              -- wheels are built on the first host of each platform, and all
                                   -- others install and run these: they need no compiler and no
                                   -- index, but must trust that host

  wsgi = "wsgi.py",                -- the WSGI script, a file in the repository
  processes = 2,                   -- daemon processes of mod_wsgi-express; more processes or threads
                                   -- than Apache was started with need a stop and a start, which
                                   -- --dry-run shows
  threads = 5,                     -- request threads in each process
  port = 8000,                     -- the port that mod_wsgi-express listens on
  user = "www-data",               -- the user of Apache when the login is root; otherwise it is the login user
  -- group = "deploy",             -- the group of the admins who share root and log in under their
                                   -- own names: all of them can release and roll back
  -- umask = "022",                -- the umask of everything that a run makes on a host; default 022, with a group 002
  server_root = "",                -- the folder of mod_wsgi-express's configuration; "": ROOT/server
  mod_wsgi_express = "",           -- the program; "": the release's own venv/bin/mod_wsgi-express, else on PATH
  restart = "touch",               -- after the switch: "touch", "graceful", "restart" or "none"; for another server
                                   -- a function(host, release), such as one of lib/systemd.lua
  request_seconds = 30,            -- seconds that requests in flight have to finish when their process restarts
  -- More options for mod_wsgi-express; `mod_wsgi-express setup-server --help` lists them. Relative
  -- paths are in the repository.
  -- server_args = { "--url-alias", "/static", "static", "--trust-proxy-header", "X-Forwarded-For" },
  -- The application's environment variables. A change stops and starts Apache at the next release
  -- or restart.
  -- env = { DATABASE_URL = secret.env("DATABASE_URL") },

  import_check = true,             -- import the application before the switch: a broken one is not released
  -- Path of the health check after the switch; if it fails, the host goes back. Default "/" with
  -- mod_wsgi-express; "": no check.
  -- health = "/health",
  -- health_status = 200,          -- the status that it wants; default any below 500 for "/", else 200
  -- health_host = "www.example.com", -- its Host header; Django answers 400 unless ALLOWED_HOSTS has it
  -- healthy = function(body, release) return body:find(release.name, 1, true) ~= nil end, -- checks the body
  health_within = "30s",           -- time limit of the health check

  batch = 1,                       -- how many hosts are switched at the same time: a number, or "25%"
  max_failures = 0,                -- how many hosts may fail before the run stops

  -- Functions that run before and after the switch. release has name, revision, dir, python (of its
  -- virtualenv), env (the variables above), current (the path of the link) and action ("release" or
  -- "rollback"). If drain or before_switch fails, the host is not switched. If after_switch fails,
  -- the host goes back. A rollback does not call before_switch.
  -- drain = haproxy.drain, restore = haproxy.restore,
  -- preflight = function(host) … end, -- fails where a host lacks what these functions need; nothing was changed then
  -- before_switch = { once = function(host, release) -- on the first host only; each = function … runs on every host
  --   host:run({ release.python, "manage.py", "migrate" }, { cwd = release.dir, env = release.env })
  -- end },
  -- after_switch = function(host, release) log.info(release.name .. " serves on " .. host.name) end,

  -- Where the migrations of a database are; --dry-run lists those that differ. Default:
  -- "*/migrations/*".
  -- migrations = "*/alembic/versions/*",

  keep = 5,                        -- complete releases to keep on each host
  at_once = 10,                    -- how many hosts are prepared at the same time
  shared = {},                     -- files and folders to link from ROOT/shared into each release: { ".env", "media/" }
  free_megabytes = 100,            -- a release needs this much free space on the disk
  free_inodes = 10000,             -- and this many free inodes: a virtualenv has thousands of files
}
