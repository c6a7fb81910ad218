local host = hosts[1]
step("look", host:run("true")) -- want: step: fn is missing: it comes last -- want: 2 arguments are too many
