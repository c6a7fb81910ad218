each(hosts, function(host)
  host:run({ "ls", cwd = "/srv" }) -- want: want a list, got a table with the name "cwd" in it
end)
