-- Durations as flags and app.lua write them: "90s", "1m30s".

local units = { ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ["μs"] = 1e-6, ms = 0.001, s = 1, m = 60, h = 3600 }

-- seconds reads a duration that a declaration has found to be one.
local function seconds(duration)
  local total = 0
  for number, unit in duration:gmatch("([%d.]+)([^%d.]*)") do
    total = total + tonumber(number) * (units[unit] or 0) -- "0" has no unit
  end
  return total
end

-- wait asks is_so, about five times a second, until it returns true or the seconds are over. Returns its last answer, and
-- what else it returned.
local function wait(host, limit, is_so)
  local deadline = clock.now() + limit
  local so, more = is_so()
  while not so and clock.now() < deadline do
    host:capture({ "sleep", "0.2" })
    so, more = is_so()
  end
  return so, more
end

return { seconds = seconds, wait = wait }
