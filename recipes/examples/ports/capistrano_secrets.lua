-- Ports capistrano-secrets-yml: a file with secrets, in no repository, for the login alone.
-- 17 lines of code, the original has 48.
local options = recipe {
  summary = "write the environment of the application from a password manager",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    vault = { { "op", "inject", "--in-file", "env.template" }, "prints the file",
      lab = { "echo", "TOKEN=correct-horse" } },
    restart = { { "systemctl", "--user", "restart", "app" }, "what reads it again", lab = { "touch", "restarted" } },
  },
}
local text = secret.command(options.vault) .. "\n"

each(hosts, function(host)
  host.fs:mkdir(options.root .. "/shared")
  host:on_change("app-env", function() host:run(options.restart) end)
  local changed = host:file(options.root .. "/shared/.env", { text = text, mode = "0600" })
  host:result({ state = changed and "changed" or "as it was" })
end)
