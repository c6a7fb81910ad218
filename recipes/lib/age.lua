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

-- between returns the time from one to the other in words, or "" when one of them is no time.
local function between(from, to)
  local began, ended = type(from) == "string" and stamp(from), stamp(to)
  if not began or not ended then
    return ""
  end
  return text(math.max(0, os.difftime(ended, began)))
end

-- since returns the time since at in words, or "" when at is no time.
local function since(at)
  return between(at, clock.utc("%Y-%m-%dT%H:%M:%SZ"))
end

return { text = text, between = between, since = since }
