each(hosts, { at_once = 1.5 }, function(host) host:run("true") end) -- want: at_once: want a whole number, got 1.5
