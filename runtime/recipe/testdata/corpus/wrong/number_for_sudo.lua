each(hosts, function(host)
  host:run("ls", { sudo = 1 }) -- want: sudo: want true or false or a string, got a number
end)
