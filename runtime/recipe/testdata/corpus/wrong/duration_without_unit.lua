each(hosts, function(host)
  host:run("make", { timeout = 30 }) -- want: timeout: want a duration with its unit, such as "30s", got the number 30
end)
