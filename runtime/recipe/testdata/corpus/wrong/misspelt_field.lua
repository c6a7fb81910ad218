each(hosts, function(host)
  log.info(host.nmae) -- want: host has no "nmae" (did you mean "name"?)
end)
