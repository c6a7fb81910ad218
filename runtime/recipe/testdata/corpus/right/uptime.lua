-- The shortest that does something.
recipe { summary = "how long the hosts have been up", hosts = "production" }
each(hosts, function(host)
  print(host.name, host:capture("uptime -p"))
end)
