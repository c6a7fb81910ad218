-- Ports Deployer's common recipe for PHP: a release, what is shared, the vendors, then the link.
-- 31 lines of code, the original has 345.
local options = recipe {
  summary = "release a PHP application",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    repo = { "git@git.example.org:app.git", "the repository", lab = "{repo}" },
    branch = { "main", "the branch", lab = "{branch}" },
    key = { { "~/.ssh/deploy" }, "the deploy keys", lab = { "{key}" } },
    vendors = { { "composer", "install", "--no-dev" }, "what installs the vendors", lab = { "true" } },
    shared = { { "storage" }, "folders that outlive releases" },
  },
}
local name = clock.utc("%Y%m%d%H%M%S")

each(hosts, function(host)
  local root = options.root .. "/dep"
  local dir = root .. "/releases/" .. name
  host.fs:mkdir(root .. "/releases")
  host:lock(root .. "/.lock")
  step("fetch", function()
    agent.forward({ keys = options.key, to = { options.repo } }, function()
      local revision = host.git:resolve(options.repo, options.branch)
      host.git:clone { repo = options.repo, revision = revision, into = dir }
    end)
  end)
  for _, folder in ipairs(options.shared) do
    host.fs:mkdir(root .. "/shared/" .. folder)
    host.fs:symlink(root .. "/shared/" .. folder, dir .. "/" .. folder)
  end
  host:run(options.vendors, { cwd = dir, timeout = "10m" })
  host.fs:symlink(dir, root .. "/current")
end)
