-- How long ago something was, in words.

-- stamp reads 2026-01-31T12:00:00Z. os.time takes it for this machine's own time, which is wrong by the same on both
-- sides of a difference.
local function stamp(at)
  local year, month, day, hour, min, sec = at:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  return year and os.time({ year = year, month = month, day = day, hour = hour, min = min, sec = sec, isdst = false })
end

-- text returns so many seconds in words, such as "3 h".
local function text(seconds)
  for _, unit in ipairs({ { 86400, "d" }, { 3600, "h" }, { 60, "min" } }) do
    if seconds >= unit[1] then
      return math.floor(seconds / unit[1]) .. " " .. unit[2]
    end
  end
  return math.floor(seconds) .. " s"
end

-- since returns the time since at in words, or "" when at is no time.
local function since(at)
  local then_at = type(at) == "string" and stamp(at)
  if not then_at then
    return ""
  end
  return text(math.max(0, os.difftime(stamp(clock.utc("%Y-%m-%dT%H:%M:%SZ")), then_at)))
end

return { text = text, since = since }
