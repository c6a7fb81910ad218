-- Durations as flags and app.lua write them: "90s", "1m30s".

local units = { ms = 0.001, s = 1, m = 60, h = 3600 }

-- seconds reads a duration. what says where it stands, for the error.
local function seconds(duration, what)
  local total, rest = 0, duration
  while rest ~= "" do
    local number, unit, after = rest:match("^(%d+%.?%d*)(%a+)(.*)$")
    if not units[unit] then
      fail(what .. ": want a duration such as 90s or 1m30s, got \"" .. duration .. "\"",
        "a number needs its unit: ms, s, m or h")
    end
    total, rest = total + tonumber(number) * units[unit], after
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
