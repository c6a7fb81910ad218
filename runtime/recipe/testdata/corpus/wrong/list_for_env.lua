each(hosts, function(host)
  host:run("env", { env = { "A=1" } }) -- want: env: want names, such as { name = value }
end)
