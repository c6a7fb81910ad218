each(hosts, function(host)
  print(host:capture({ "cat", host:run("mktemp").stdout })) -- want: host:run changes something, so it can't stand inside host:capture
end)
