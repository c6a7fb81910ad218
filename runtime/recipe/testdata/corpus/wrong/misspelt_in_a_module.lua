local restart = require "restart"
each(hosts, function(host) restart.all(host, "web") end)
