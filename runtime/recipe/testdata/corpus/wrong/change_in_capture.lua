each(hosts, function(host)
  print(host:capture({ "cat", host:run("mktemp").stdout })) -- want: host:run changes something, but a dry run also runs host:capture
end)
