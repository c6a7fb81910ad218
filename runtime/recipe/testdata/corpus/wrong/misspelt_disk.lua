each(hosts, function(host)
  local disk = host.fs:disk("/")
  print(disk.free) -- want: disk has no "free"
end)
