-- Small helpers: what scripts on a host printed, durations, ages in words, paths, and waiting.

-- lines iterates over the lines of a text that are not empty. It uses no pattern: a pattern gives
-- up at a line of some thousand bytes, and a host may send any.
local function lines(text)
  local at = 1
  return function()
    while at <= #text do
      local stop = text:find("\n", at, true) or #text + 1
      local line = text:sub(at, stop - 1)
      at = stop + 1
      if line ~= "" then
        return line
      end
    end
    return nil
  end
end

-- records returns the records that a script in lib/ printed with say, each a list of fields. A
-- record is a NUL, then each field with a tab and a NUL after it, then a NUL and a line break. So a
-- field can be empty, and can contain every byte but NUL. Start-up files, wrappers and libraries
-- print no NUL: what they add between records is skipped. So is a record without its end. The tabs
-- and line breaks are for the reader of runbook log.
local function records(text)
  local list, at = {}, text:find("\0", 1, true)
  while at do
    local fields, stop = {}, text:find("\0", at + 1, true)
    while stop and stop > at + 1 do
      fields[#fields + 1] = text:sub(at + 1, stop - 2)
      at, stop = stop, text:find("\0", stop + 1, true)
    end
    list[#list + 1] = stop and fields
    at = stop and text:find("\0", stop + 1, true)
  end
  return list
end

-- record returns the fields of the first record; none where nothing was printed, as in a dry run.
local function record(text)
  return unpack(records(text)[1] or {})
end

local UNITS = { ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ["μs"] = 1e-6, ms = 0.001, s = 1, m = 60, h = 3600 }

-- seconds converts a validated duration such as "90s" or "1m30s" to a number.
local function seconds(duration)
  local total = 0
  for number, unit in duration:gmatch("([%d.]+)([^%d.]*)") do
    total = total + tonumber(number) * (UNITS[unit] or 0) -- "0" has no unit
  end
  return total
end

-- wait calls is_done about five times a second until it returns true or limit seconds have passed.
-- It returns the last results of is_done.
local function wait(limit, is_done)
  local deadline = clock.now() + limit
  local done, more = is_done()
  while not done and clock.now() < deadline do
    sleep("0.2s")
    done, more = is_done()
  end
  return done, more
end

-- absolute returns a path without trailing slashes. It fails unless the path is absolute and plain:
-- a path whose meaning another folder could change must not reach a command that removes things.
local function absolute(what, path)
  local plain = path:gsub("/+$", "")
  if plain:sub(1, 1) ~= "/" or (plain .. "/"):find("/%.?%.?/") or plain:find("%c") then
    fail(what .. " must be an absolute path without . and .., and not the root folder; got \"" .. path .. "\"",
      "write it like /srv/app")
  end
  return plain
end

-- has_tag reports whether a host has a tag in the hosts file.
local function has_tag(host, tag)
  for _, own in ipairs(host.tags) do
    if own == tag then
      return true
    end
  end
  return false
end

-- is_balancer reports whether a host is a load balancer, which is in a run but gets no release.
local function is_balancer(host)
  return has_tag(host, "balancer")
end

-- parse_time parses 2026-01-31T12:00:00Z. os.time reads it as local time; the error cancels out in
-- a difference.
local function parse_time(at)
  local year, month, day, hour, min, sec = at:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  return year and os.time({ year = year, month = month, day = day, hour = hour, min = min, sec = sec, isdst = false })
end

-- is_time reports whether a value is a time like 2026-01-31T12:00:00Z. Such texts sort by time.
local function is_time(at)
  return type(at) == "string" and at:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$") ~= nil
end

-- age formats seconds in words, such as "3 h".
local function age(count)
  for _, unit in ipairs({ { 86400, "d" }, { 3600, "h" }, { 60, "min" } }) do
    if count >= unit[1] then
      return math.floor(count / unit[1]) .. " " .. unit[2]
    end
  end
  return math.floor(count) .. " s"
end

-- elapsed formats the time between two times in words, or returns "" when one of them is invalid.
-- to defaults to now.
local function elapsed(from, to)
  local began = type(from) == "string" and parse_time(from)
  local ended = parse_time(to or clock.utc("%Y-%m-%dT%H:%M:%SZ"))
  return began and ended and age(math.max(0, os.difftime(ended, began))) or ""
end

-- checks has functions(host) that fail where a host, or the load balancer for it, lacks what a
-- later step needs. preflight.lua calls them; the files that app.lua requires add to them.
local checks = {}

local function add_check(check)
  checks[#checks + 1] = check
end

-- clear_checks removes the first count checks.
local function clear_checks(count)
  for _ = 1, count do
    table.remove(checks, 1)
  end
end

-- merge returns a table with the keys of all given tables. Later tables win, and nil counts as an
-- empty one.
local function merge(...)
  local all = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do
      all[key] = value
    end
  end
  return all
end

-- units has the systemd units that the files required by app.lua declare, see systemd.lua.
-- setup.lua --unit writes them.
local units = {}

return {
  checks = checks, add_check = add_check, clear_checks = clear_checks, units = units,
  merge = merge, has_tag = has_tag, lines = lines, records = records, record = record, absolute = absolute,
  seconds = seconds, wait = wait, age = age, elapsed = elapsed,
  is_balancer = is_balancer, is_time = is_time,
}
