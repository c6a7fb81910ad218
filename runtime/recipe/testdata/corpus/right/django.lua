-- A Django site: code, packages, migrations once, static files, then the servers one after the other.
local options = recipe {
  summary = "deploy the Django site",
  hosts = "production",
  options = {
    repo = { "git@git.example.com:team/site.git", "the git repository" },
    branch = { "main", "the branch to deploy" },
    key = { { "~/.ssh/deploy" }, "deploy keys on this machine" },
    root = { "/srv/site", "the folder on the hosts" },
    settings = { "site.settings.production", "the settings module" },
    service = { "site", "the systemd unit" },
    migrate = { true, "run the migrations" },
    keep = { 3, "releases to keep", min = 1 },
  },
}

local release = clock.utc("%Y%m%d%H%M%S")

local function paths()
  local dir = options.root .. "/releases/" .. release
  return { dir = dir, python = dir .. "/venv/bin/python", current = options.root .. "/current", static = options.root .. "/static" }
end

-- manage runs one of Django's commands in the new release.
local function manage(host, ...)
  local p = paths()
  local command = { p.python, "manage.py", ... }
  return host:run(command, {
    cwd = p.dir, timeout = "10m",
    env = { DJANGO_SETTINGS_MODULE = options.settings, STATIC_ROOT = p.static },
  })
end

local function prepare(host)
  local p = paths()
  step("code", function()
    agent.forward({ keys = options.key, to = { options.repo } }, function()
      local revision = host.git:resolve(options.repo, options.branch)
      host.git:mirror({ repo = options.repo, path = options.root .. "/repo.git" })
      host.git:clone({ repo = options.repo, revision = revision, into = p.dir, mirror = options.root .. "/repo.git" })
    end)
  end)
  step("packages", function()
    host:run({ "python3", "-m", "venv", p.dir .. "/venv" })
    host:run({ p.python, "-m", "pip", "install", "-r", "requirements.txt" }, { cwd = p.dir, idle_timeout = "5m" })
  end)
  step("check", function() manage(host, "check", "--deploy") end)
  step("static files", function() manage(host, "collectstatic", "--noinput") end)
end

local function migrate(host)
  local plan = manage(host, "migrate", "--plan").stdout
  if plan:find("No planned migration operations") then
    log.info("nothing to migrate")
    return
  end
  print(plan)
  confirm("run these migrations?")
  manage(host, "migrate", "--noinput")
end

local function switch(host)
  local p = paths()
  local before = host.fs:exists(p.current) and host.fs:readlink(p.current) or nil
  host:on_failure(function()
    if before then
      host.fs:symlink(before, p.current)
      host:run({ "systemctl", "restart", options.service }, { sudo = true })
    end
  end)
  host.fs:symlink(p.dir, p.current)
  host:run({ "systemctl", "restart", options.service }, { sudo = true })
  local answer
  for _ = 1, 30 do
    answer = host:http("http://127.0.0.1:8000/healthz", { timeout = "5s" })
    if answer.status == 200 then break end
    host:capture({ "sleep", "1" })
  end
  if answer.status ~= 200 then
    fail("the site answers " .. answer.status, "journalctl -u " .. options.service)
  end
  host:result({ release = release, previous = before or "none" })
end

local function prune(host)
  local names = host.fs:list(options.root .. "/releases")
  table.sort(names, function(a, b) return a > b end)
  for i = options.keep + 1, #names do
    host.fs:remove(options.root .. "/releases/" .. names[i], { recursive = true })
  end
end

each(hosts, { at_once = 5 }, prepare)
if options.migrate then
  each({ hosts[1] }, function(host) step("migrate", function() migrate(host) end) end)
end
each(hosts, function(host)
  step("switch", function() switch(host) end)
  step("prune", function() prune(host) end)
end)
