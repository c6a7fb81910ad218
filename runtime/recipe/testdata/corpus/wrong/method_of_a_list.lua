hosts:run("true") -- want: hosts is a list; each host in it has a "run": write each(hosts, function(host) … end), or hosts[1]
