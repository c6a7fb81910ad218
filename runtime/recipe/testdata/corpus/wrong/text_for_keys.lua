each(hosts, function(host)
  host:agent({ keys = "~/.ssh/id" }, function() end) -- want: keys: want a list of strings, such as { "a", "b" }, got a string
end)
