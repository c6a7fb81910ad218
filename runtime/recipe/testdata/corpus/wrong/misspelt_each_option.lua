each(hosts, { at_onec = 2 }, function(host) host:run("true") end) -- want: each: unknown option "at_onec" (did you mean "at_once"?)
