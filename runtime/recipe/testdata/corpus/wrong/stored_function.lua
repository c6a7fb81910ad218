recipe {}
local later = { first = false }
local function keep(fn)
  later.build = fn
end
keep(function(host)
  host:rnu("true") -- want: host has no "rnu" (did you mean "run"?)
end)
each(hosts, function(host)
  if later.build and not later.first then
    later.build(host)
  end
end)
