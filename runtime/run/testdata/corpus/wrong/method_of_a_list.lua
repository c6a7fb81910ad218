hosts:run("true") -- want: hosts is a list: its hosts have a "run" each; write each(hosts, function(host) … end), or hosts[1]
