each(hosts, function(host)
  host.run("true") -- want: host:run is called with a dot; write it with a colon
end)
