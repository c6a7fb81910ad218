each(hosts, function(host)
  host:run("ls", { cwd = 7 }) -- want: cwd: want a string, got a number
end)
