each(hosts, function(host)
  log.info(host.name()) -- want: host.name is a string, not a function; write host.name without the parentheses
end)
