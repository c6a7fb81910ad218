each(hosts, function(host)
  host("true") -- want: host is a host, not a function
end)
