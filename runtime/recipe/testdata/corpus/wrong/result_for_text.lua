each(hosts, function(host)
  log.info(host:run("uname")) -- want: log.info: text: want a string or a number, got a table
end)
