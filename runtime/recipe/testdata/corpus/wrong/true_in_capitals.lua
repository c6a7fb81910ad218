each(hosts, function(host)
  host:run("ls", { check = False }) -- want: undeclared global "False"; in Lua it is false
end)
