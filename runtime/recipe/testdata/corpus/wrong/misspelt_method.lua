each(hosts, function(host)
  host:rnu("true") -- want: host has no "rnu" (did you mean "run"?)
end)
