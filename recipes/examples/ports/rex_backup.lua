-- Ports a Rexfile that backs up a database: dump, keep some days, fetch the newest.
local options = recipe {
  summary = "back up a database and fetch the dump",
  hosts = "production",
  options = {
    root = { "/var/backups", "where dumps are kept" },
    dump = { "pg_dump app", "the command that writes a dump", lab = "echo a dump" },
    keep = { 7, "how many dumps stay", min = 1, lab = 1 },
    into = { ".", "where they go on this machine" },
  },
}

each(hosts, function(host)
  local dir = options.root .. "/dumps"
  local file = dir .. "/" .. clock.utc("%Y%m%d-%H%M%S") .. ".sql.gz"
  host.fs:mkdir(dir, { mode = "0700" })
  host:on_failure(function() host.fs:remove(file) end)
  host:run(options.dump .. " | gzip > " .. quote(file), { pipefail = true, timeout = "1h" })
  local names = host.fs:list(dir)
  for i = 1, #names - options.keep do
    host.fs:remove(dir .. "/" .. names[i])
  end
  host:download(file, options.into .. "/" .. host.name .. ".sql.gz")
end)
