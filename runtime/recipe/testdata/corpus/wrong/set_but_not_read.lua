local last -- want: the local last is never read
each(hosts, function(host) last = host.name end)
