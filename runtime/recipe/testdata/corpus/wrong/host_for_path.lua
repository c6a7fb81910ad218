each(hosts, function(host)
  print(host.fs:read(host)) -- want: host.fs:read: path: want a string, got a host
end)
