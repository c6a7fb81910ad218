each(hosts, function(host)
  print(host.fs.read("/etc/motd")) -- want: host.fs:read is called with a dot; write it with a colon
end)
