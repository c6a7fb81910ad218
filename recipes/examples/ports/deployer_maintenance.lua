-- Ports Deployer's tasks artisan:down and artisan:up, around a command.
-- 14 lines of code, the original has 28.
local options = recipe {
  summary = "run a command while the site shows that it is closed",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    command = { { "php", "artisan", "migrate", "--force" }, "the command", lab = { "test", "-e", "down" } },
  },
}

each(hosts, function(host)
  local down = options.root .. "/down"
  host.fs:write(down, json.encode({ since = clock.utc() }))
  host:defer(function() host.fs:remove(down) end)
  host:run(options.command, { cwd = options.root })
end)
