recipe { sumary = "x" } -- want: did you mean "summary"?
each(hosts, function(host)
  host:rnu("true") -- want: did you mean "run"?
  host:run("true", { timeout = 5 }) -- want: want a duration with its unit
  log.info(hsot.name) -- want: did you mean "host"?
end)
local spare = 1 -- want: the local spare is never read
