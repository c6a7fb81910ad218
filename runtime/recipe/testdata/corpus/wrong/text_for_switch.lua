each(hosts, function(host)
  host:run("ls", { check = "no" }) -- want: check: want true or false, got a string
end)
