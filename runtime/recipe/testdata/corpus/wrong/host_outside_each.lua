host:run("true") -- want: undeclared global "host" (did you mean "hosts"?)
