each({ "web1" }, function(host) host:run("true") end) -- want: each: hosts: want a list of items that are each a host, got a string
