each(hosts, function(host)
  if host:test({ "test", "-d", host.fs:mkdir("/srv/x") and "/srv/x" or "/" }) then log.info("x") end -- want: host.fs:mkdir changes something, but a dry run also runs host:test
end)
