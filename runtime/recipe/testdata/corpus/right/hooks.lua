recipe {}
each(hosts, function(host)
  local scratch = host:capture({ "mktemp", "-d" })
  host:defer(function() host.fs:remove(scratch, { recursive = true }) end)
  host:defer({ timeout = "5m" }, function(h) h:run({ "sync" }) end)
  local before = host.fs:readlink("/srv/app/current")
  host:on_failure(function(h) h.fs:symlink(before, "/srv/app/current") end)
  host:lock("/srv/app/.lock", { wait = "10s" })
end)
