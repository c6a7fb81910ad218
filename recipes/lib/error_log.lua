-- Reads Apache's error log for the reason why an application does not work.

local age = require "age"

-- MOST is how many bytes of the log are read, from its end.
local MOST = 65536

-- RECENT prints the host's time and when Apache was started, both local as the log's are, and the end of the log that
-- httpd.conf names. Where Apache does not run, or date cannot convert, there is no start. Arguments: the server's folder, and how
-- many bytes of the log.
local RECENT = [=[
# read the error log
root=$1
log=$(sed -n "s/^[[:space:]]*ErrorLog[[:space:]]*[\"']\{0,1\}\(\/[^\"']*\)[\"']\{0,1\}[[:space:]]*\$/\1/p" "$root/httpd.conf" 2>/dev/null | tail -n 1)
[ -n "$log" ] || log=$root/error_log
started= pid=$(cat "$root/httpd.pid" 2>/dev/null)
if [ -n "$pid" ] && read -r line 2>/dev/null < "/proc/$pid/stat" && read -r up rest < /proc/uptime; then
  ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
  set -- "$2" ${line##*) }
  started=$(date -d "@$(($(date +%s) - ${up%%.*} + ${21} / ticks - 2))" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
else
  set -- "$2"
fi
printf '%s %s\n' "$(date +%Y-%m-%dT%H:%M:%SZ)" "$started"
[ ! -f "$log" ] || tail -c "$1" "$log"
]=]

-- read returns what the log has from a byte on, at most its last 64 KiB.
local function read(host, path, from)
  local script = '[ ! -f "$1" ] || tail -c "+$(($2 + 1))" "$1" | tail -c "$3"'
  return host:capture({ "sh", "-c", script, "sh", path, from or 0, MOST })
end

-- plain returns a line without what Apache writes before each: time, module, process, client.
local function plain(line)
  local text = line:gsub("^%[%a%a%a %a%a%a [^%]]*%] ", "")
  while text:find("^%[[%w_]+:%a+%] ") or text:find("^%[%a+ [^%]]*%] ") do
    text = text:gsub("^%[[^%]]*%] ", "", 1)
  end
  return text
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- stamp returns when a line was written, as 2026-01-31T12:00:00Z in the host's own time, or nil.
local function stamp(line)
  local month, day, time, year = line:match("^%[%a%a%a (%a%a%a) +(%d+) (%d%d:%d%d:%d%d)[.%d]* (%d%d%d%d)%]")
  return MONTHS[month] and ("%s-%02d-%02dT%sZ"):format(year, MONTHS[month], day, time) or nil
end

-- last_exception returns the last Python exception in a log, or nil: { text, file, line, loading, traceback, at }. text is its last
-- line, and at when that was written; file and line say where it was raised, and loading whether that was while the application's
-- script was loaded.
local function last_exception(log)
  local found, open, loading, raised = nil, nil, false, false
  for raw in log:gmatch("[^\n]+") do
    local line = plain(raw)
    if open then
      table.insert(open.traceback, line)
      local file, number = line:match('^%s+File "([^"]+)", line (%d+)')
      open.file, open.line = file or open.file, number or open.line
      if not line:find("^%s") then
        open.text, open.at, found = line, stamp(raw), open
        open = nil
      end
    elseif line:find("^Traceback %(most recent call last%):") then
      open, loading, raised = { loading = loading, traceback = { line } }, false, false
    elseif raised then
      -- mod_wsgi 6 writes no traceback where the exception has no frame below the application's own.
      found, loading, raised = { text = line, loading = loading, traceback = { line }, at = stamp(raw) }, false, false
    elseif line:find("Unable to execute Python script", 1, true) or line:find("Failed to exec Python script", 1, true) then
      loading = true -- as mod_wsgi 6 and 4.9 word it
    elseif line:find("processing WSGI script", 1, true) then
      raised = true
    end
  end
  return found
end

-- reason returns an exception in words: its last line and the file that raised it, by its path in the release.
local function reason(exception, root)
  local file = (exception.file or ""):gsub("^" .. root:gsub("%p", "%%%0") .. "/current/", "")
    :gsub("^" .. root:gsub("%p", "%%%0") .. "/releases/[^/]+/", "")
  return exception.text .. (file ~= "" and " (" .. file .. ", line " .. exception.line .. ")" or "")
end

-- last_error returns the last exception in the log since Apache was started, or else the last line of level error or worse:
-- { text, ago }, at most 300 bytes, and how long ago it was, where the log says when; or nil. server_root is the server's
-- folder, and root that of the releases.
local function last_error(host, server_root, root)
  local head, log = host:capture({ "sh", "-c", RECENT, "sh", server_root, MOST }):match("^([^\n]*)\n?(.*)$")
  local now, started = head:match("^(%S*) ?(.*)$")
  local lines, line_error, at = {}, nil, nil
  for line in log:gmatch("[^\n]+") do
    at = stamp(line) or at
    if not at or at >= started then
      lines[#lines + 1] = line
      local level = line:match("^%[[^%]]*%] %[[%w_]*:?(%a+)%] ")
      if level == "error" or level == "crit" or level == "alert" or level == "emerg" then
        line_error = { text = plain(line), at = stamp(line) }
      end
    end
  end
  local raised = last_exception(table.concat(lines, "\n"))
  local found = raised or line_error
  if not found then
    return nil
  end
  local text = raised and reason(raised, root) or found.text
  return { text = #text > 300 and text:sub(1, 300) .. "…" or text, ago = found.at and age.between(found.at, now) or "" }
end

return { last_error = last_error, read = read, last_exception = last_exception, reason = reason }
