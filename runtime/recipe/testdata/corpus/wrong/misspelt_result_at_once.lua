each(hosts, function(host)
  print(host:run("ls").outout) -- want: host:run(…) has no "outout"
end)
