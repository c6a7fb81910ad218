each(hosts, function(host)
  print(host.sf:read("/etc/motd")) -- want: host has no "sf" (did you mean "fs"?)
end)
