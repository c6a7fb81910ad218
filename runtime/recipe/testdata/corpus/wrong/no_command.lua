each(hosts, function(host)
  host:run() -- want: host:run: cmd is missing
end)
