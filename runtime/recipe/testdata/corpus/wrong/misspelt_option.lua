each(hosts, function(host)
  host:run("sleep 1", { tiemout = "5s" }) -- want: host:run: unknown option "tiemout" (did you mean "timeout"?)
end)
