each(hots, function(host) log.info(host.name) end) -- want: undeclared global "hots" (did you mean "hosts"?)
