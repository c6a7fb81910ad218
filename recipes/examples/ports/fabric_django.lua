-- Ports the usual fabfile of a Django site: pull the branch, install, migrate, collect, restart.
local options = recipe {
  summary = "update a Django checkout in place",
  hosts = "production",
  options = {
    root = { "/srv/site", "the checkout" },
    repo = { "git@git.example.org:site.git", "the repository", lab = "{repo}" },
    branch = { "main", "the branch", lab = "{branch}" },
    key = { { "~/.ssh/deploy" }, "the deploy keys", lab = { "{key}" } },
    python = { "venv/bin/python", "the interpreter", lab = "true" },
    restart = { { "sudo", "-n", "systemctl", "restart", "site" }, "what restarts it", lab = { "true" } },
  },
}

each(hosts, function(host)
  local mirror = options.root .. "/site.git"
  agent.forward({ keys = options.key, to = { options.repo } }, function()
    host.git:mirror { repo = options.repo, path = mirror }
  end)
  local site = options.root .. "/site"
  if not host.fs:exists(site) then
    host:run({ "git", "clone", "-q", "-b", options.branch, mirror, site })
  end
  host:run({ "git", "pull", "-q", "--ff-only" }, { cwd = site })
  for _, command in ipairs({ "migrate", "collectstatic" }) do
    host:run({ options.python, "manage.py", command, "--noinput" }, { cwd = site })
  end
  host:run(options.restart)
end)
