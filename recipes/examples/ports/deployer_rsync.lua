-- Ports Deployer's contrib/rsync.php: a folder that was built here, on every host.
-- 13 lines of code, the original has 109.
local options = recipe {
  summary = "upload a built folder: what differs is sent, what is gone here is removed",
  hosts = "production",
  options = {
    root = { "/var/www/app", "where the application is" },
    from = { "public", "the folder on this machine" },
    exclude = { { ".git", "*.map", "uploads/" }, "what is not sent, and not removed on the host" },
  },
}

each(hosts, { at_once = 5 }, function(host)
  local sent = host:upload(options.from, options.root .. "/public", { exclude = options.exclude, delete = true })
  host:result({ state = sent and "sent" or "as it was" })
end)
