local host = hosts[1]
step("look", host:run("true")) -- want: step: fn is missing: pass it last
