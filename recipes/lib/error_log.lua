-- Reads Apache's error log for the reason why an application does not work.

-- MOST is how many bytes of the log are read, from its end.
local MOST = 65536

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

-- last_exception returns the last Python exception in a log, or nil: { text, file, line, loading, traceback }. text is its last
-- line, file and line say where it was raised, and loading whether that was while the application's script was loaded.
local function last_exception(log)
  local found, open, loading, raised = nil, nil, false, false
  for raw in log:gmatch("[^\n]+") do
    local line = plain(raw)
    if open then
      table.insert(open.traceback, line)
      local file, number = line:match('^%s+File "([^"]+)", line (%d+)')
      open.file, open.line = file or open.file, number or open.line
      if not line:find("^%s") then
        open.text, found = line, open
        open = nil
      end
    elseif line:find("^Traceback %(most recent call last%):") then
      open, loading, raised = { loading = loading, traceback = { line } }, false, false
    elseif raised then
      -- mod_wsgi 6 writes no traceback where the exception has no frame below the application's own.
      found, loading, raised = { text = line, loading = loading, traceback = { line } }, false, false
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

return { read = read, last_exception = last_exception, reason = reason }
