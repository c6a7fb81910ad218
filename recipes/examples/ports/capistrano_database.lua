-- Ports capistrano-db-tasks: production's database, by way of this machine, on the other hosts.
-- 28 lines of code, the original has 213.
local options = recipe {
  summary = "copy a database from one host to the others",
  hosts = "production",
  options = {
    from = { "web1", "the host that has it" },
    dump = { "pg_dump --clean --no-owner app", "writes a dump", lab = "cat database" },
    restore = { "psql --quiet app", "reads a dump", lab = "cat > database" },
  },
}
local source = named(options.from)
confirm("replace the database on all hosts but " .. source.name .. "?")

localhost.fs:temp(function(here)
  source.fs:temp(function(dir)
    source:run(options.dump .. " | gzip > " .. quote(dir .. "/dump.gz"), { pipefail = true, timeout = "1h" })
    source:download(dir .. "/dump.gz", here .. "/dump.gz")
  end)
  each(hosts, { at_once = 5 }, function(host)
    if host == source then
      return host:result({ state = "dumped" })
    end
    host.fs:temp(function(dir)
      host:upload(here .. "/dump.gz", dir .. "/dump.gz")
      host:run("gunzip -c " .. quote(dir .. "/dump.gz") .. " | " .. options.restore,
        { pipefail = true, timeout = "1h" })
    end)
    host:result({ state = "restored" })
  end)
end)
