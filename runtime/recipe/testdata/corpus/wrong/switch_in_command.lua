each(hosts, function(host)
  host:run({ "ls", true }) -- want: host:run: cmd: want a list of items that are each a string or a number or a list, got true or false
end)
