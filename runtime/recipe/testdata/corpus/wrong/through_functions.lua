local function restart(h)
  h:rum("true") -- want: h has no "rum" (did you mean "run"?)
end
local function both(h) restart(h) end
each(hosts, function(host) both(host) end)
