each(hosts, function(host)
  host:run("ls", cwd = "/srv") -- want: options stand in a table: { cwd = … }
end)
