host:run("true") -- want: undeclared global "host": write each(hosts, function(host)
