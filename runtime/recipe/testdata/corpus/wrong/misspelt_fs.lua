each(hosts, function(host)
  print(host.fs:raed("/etc/motd")) -- want: host.fs has no "raed" (did you mean "read"?)
end)
