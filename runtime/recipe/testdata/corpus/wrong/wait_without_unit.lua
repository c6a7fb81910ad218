each(hosts, function(host)
  host:lock("/srv/lock", { wait = 10 }) -- want: wait: want a duration with its unit, such as "10s"
end)
