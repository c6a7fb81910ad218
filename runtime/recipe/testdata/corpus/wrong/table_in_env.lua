each(hosts, function(host)
  host:run("env", { env = { A = {} } }) -- want: env: A: want a string or a number, got a table
end)
