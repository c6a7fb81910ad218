each(hosts, function(host)
  log.info(host:run("uname")) -- want: log.info: text: want a string, got a table
end)
