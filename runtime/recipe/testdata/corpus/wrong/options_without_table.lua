each(hosts, function(host)
  host:run("ls", cwd = "/srv") -- want: pass options in a table: { cwd = … }
end)
