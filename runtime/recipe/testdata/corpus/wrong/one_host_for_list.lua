each(hosts[1], function(host) host:run("true") end) -- want: each: hosts: want a list of hosts, got a host
