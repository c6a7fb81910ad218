each(hosts, function(host)
  host.fs:mkdir("/srv/x", "0755") -- want: want options in a table, such as { mode = … }, got a string
end)
