each(hosts, function(host)
  host:run("env", { env = { A = {} } }) -- want: env: A: want a string, got a table
end)
