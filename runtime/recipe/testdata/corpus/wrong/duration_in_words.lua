each(hosts, function(host)
  host:run("make", { timeout = "two minutes" }) -- want: timeout: want a duration such as "90s", "2m" or "1h30m", got "two minutes"
end)
