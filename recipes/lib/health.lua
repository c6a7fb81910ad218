-- Checks after a switch that the new release is served and that the application answers, and reads
-- Apache's error log for the reason where it does not.

local common = require "options"
local app = common.app
local helpers = require "helpers"
local releases = require "releases"
local server = require "server"

-- MAX_LOG is how many bytes of an error log are read, from its end.
local MAX_LOG = 65536

-- read_log returns the log from a byte on, at most its last 64 KiB.
local function read_log(host, path, from)
  local script = '[ ! -f "$1" ] || tail -c "+$(($2 + 1))" "$1" | tail -c "$3"'
  return host:capture({ "sh", "-c", script, "sh", path, from or 0, MAX_LOG })
end

-- strip_prefix removes what Apache writes at the start of a line: time, module, process, client.
local function strip_prefix(line)
  local text = line:gsub("^%[%a%a%a %a%a%a [^%]]*%] ", "")
  while text:find("^%[[%w_]+:%a+%] ") or text:find("^%[%a+ [^%]]*%] ") do
    text = text:gsub("^%[[^%]]*%] ", "", 1)
  end
  return text
end

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
  Dec = 12 }

-- log_time returns the time of a line, as 2026-01-31T12:00:00Z in the local time of the host, or
-- nil.
local function log_time(line)
  local month, day, time, year = line:match("^%[%a%a%a (%a%a%a) +(%d+) (%d%d:%d%d:%d%d)[.%d]* (%d%d%d%d)%]")
  return MONTHS[month] and ("%s-%02d-%02dT%sZ"):format(year, MONTHS[month], day, time) or nil
end

-- last_exception returns the last Python exception in a log, or nil: { text, file, line, loading,
-- traceback, at }. text is its last line, at the time of that line, file and line where it was
-- raised, and loading whether the application's script was being loaded. Several processes write the
-- log, so a line belongs to the last one of the same process.
local function last_exception(log)
  local found, processes = nil, {}
  for raw in log:gmatch("[^\n]+") do
    local line, process = strip_prefix(raw), raw:match("%] %[pid (%d+)") or ""
    local before = processes[process] or {}
    local open, raised, loading = before.open, before.raised, before.loading
    local now = { loading = loading }
    if open then
      now.open = open
      table.insert(open.traceback, line)
      local file, number = line:match('^%s+File "([^"]+)", line (%d+)')
      open.file, open.line = file or open.file, number or open.line
      if not line:find("^%s") then
        open.text, open.at, found = line, log_time(raw), open
        now.open = nil
      end
    elseif line:find("^Traceback %(most recent call last%):") then
      now = { open = { loading = loading, traceback = { line } } }
    elseif raised then
      -- mod_wsgi 6 writes no traceback where the exception has no frame below the application's
      -- own.
      found, now = { text = line, loading = loading, traceback = { line }, at = log_time(raw) }, {}
    elseif line:find("Unable to execute Python script", 1, true)
      or line:find("Failed to exec Python script", 1, true) then
      now.loading = true -- as mod_wsgi 6 and 4.9 word it
    elseif line:find("processing WSGI script", 1, true) then
      now.raised = true
    end
    processes[process] = now
  end
  return found
end

-- format_exception returns the last line of an exception, and the file that raised it by its path
-- in the release.
local function format_exception(exception, root)
  local file = (exception.file or ""):gsub("^" .. root:gsub("%p", "%%%0") .. "/current/", "")
    :gsub("^" .. root:gsub("%p", "%%%0") .. "/releases/[^/]+/", "")
  return exception.text .. (file ~= "" and " (" .. file .. ", line " .. exception.line .. ")" or "")
end

-- last_error returns the last exception in the log since Apache was started, or else the last line
-- of level error or worse, or nil: { text, ago }. text has at most 300 bytes; ago is its age in
-- words, or "". server_root is the server's folder, and root that of the releases.
local function last_error(host, server_root, root)
  local now, started, log = helpers.record(host:script("error_log.sh", server_root, MAX_LOG, { changes = false }).stdout)
  local lines, line_error, at = {}, nil, nil
  for line in log:gmatch("[^\n]+") do
    at = log_time(line) or at
    if not at or at >= started then
      lines[#lines + 1] = line
      local level = line:match("^%[[^%]]*%] %[[%w_]*:?(%a+)%] ")
      if level == "error" or level == "crit" or level == "alert" or level == "emerg" then
        line_error = { text = strip_prefix(line), at = log_time(line) }
      end
    end
  end
  local raised = last_exception(table.concat(lines, "\n"))
  local found = raised or line_error
  if not found then
    return nil
  end
  local text = raised and format_exception(raised, root) or found.text
  return { text = #text > 300 and text:sub(1, 300) .. "…" or text, ago = found.at and helpers.elapsed(found.at, now)
    or "" }
end

-- TOUCH_SECONDS is how long a touch may take before the processes are restarted. BROKEN_SECONDS is
-- how long an application may answer 5xx before its error log decides.
local TOUCH_SECONDS, BROKEN_SECONDS = 3, 5

-- seconds returns the time limit of a health check.
local function seconds(options)
  return helpers.seconds(options.health_within)
end

-- path returns the path to request, or "" for no check. The default is / with mod_wsgi-express. The
-- port of another server is unknown.
local function path(options)
  if options.health ~= "auto" then
    return options.health
  end
  return server.is_mod_wsgi(options) and "/" or ""
end

-- validate fails where the settings of the health check are invalid.
local function validate(options)
  if options.health:find("[%s%c]") or options.health:find("://", 1, true) then
    fail("--health must be a path; got \"" .. options.health .. "\"", "write it like /health")
  elseif app.healthy and path(options) == "" then
    fail("recipes/app.lua has healthy, but there is no path to ask", "health = \"/\" in recipes/app.lua, or --health /")
  end
end

-- url returns the URL of the application on the host itself, or nil where it is not asked.
local function url(options)
  if path(options) == "" and not server.is_mod_wsgi(options) then
    return nil
  end
  local address = common.server_arg("--host") or "127.0.0.1"
  if address == "0.0.0.0" or address == "*" then
    address = "127.0.0.1"
  elseif address:find(":", 1, true) then
    address = "[" .. address .. "]"
  end
  return "http://" .. address .. ":" .. options.port .. "/" .. path(options):gsub("^/+", "")
end

-- get sends one request. It returns the answer, or nil and the reason.
local function get(host, options, timeout)
  local headers = options.health_host ~= "" and { Host = options.health_host } or nil
  local python = releases.paths(options).current .. "/venv/bin/python"
  local ok, answer = pcall(host.http, host, url(options), { timeout = timeout, headers = headers, python = python })
  if ok then
    return answer
  end
  return nil, answer.message
end

-- first_lines returns the first lines of an answer's body, or "" for HTML, which helps nobody on a
-- screen.
local function first_lines(body)
  local lines = {}
  for line in (body:find("^%s*<") and "" or body):gmatch("[^\n]+") do
    if #lines < 5 then
      lines[#lines + 1] = line:sub(1, 200)
    end
  end
  return table.concat(lines, "\n")
end

-- accepts reports whether a status is right, and returns what is wanted in words.
local function accepts(options, status)
  if options.health_status then
    return status == options.health_status, tostring(options.health_status)
  elseif path(options) == "/" then
    return status < 500, "below 500"
  end
  return status == 200, "200"
end

-- ask sends one request. It returns what is wrong, or nil; and the status of the answer.
local function ask(host, release)
  local options = release.options
  local answer, none = get(host, options, "10s")
  if not answer then
    return none
  end
  local ok, wanted = accepts(options, answer.status)
  if not ok then
    return ("answered %d, want %s\n%s"):format(answer.status, wanted, first_lines(answer.body)):gsub("\n$", ""),
      answer.status
  elseif app.healthy then
    local well, why = app.healthy(answer.body, release)
    if not well then
      return ("answered %d, and healthy in app.lua refuses it%s\n%s"):format(answer.status, why and ": " .. why or "",
        first_lines(answer.body)),
        answer.status
    end
  end
  return nil, answer.status
end

-- works reports whether the application answers at all: any status below 500.
local function works(host, options)
  local answer = get(host, options, "3s")
  return answer ~= nil and answer.status < 500
end

-- new_errors returns the error log from the byte since on, and the last exception in it or nil.
local function new_errors(host, options, since)
  local file = server.error_log(options)
  local text = file and read_log(host, file, since) or ""
  return text, last_exception(text)
end

-- last_lines returns the last lines of a log, unchanged.
local function last_lines(log, count)
  local lines = {}
  for line in log:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n", math.max(1, #lines - count + 1))
end

-- give_up fails with the reason why a release does not work. First it shows the evidence, before
-- anything is restored. An exception is the reason unless the application answered below 500.
local function give_up(host, release, wrong, status, since, waited)
  local options = release.options
  local text, raised = new_errors(host, options, since)
  local shown = { wrong, server.diagnose(host, options) }
  if raised then
    shown[3] = table.concat(raised.traceback, "\n")
  elseif text ~= "" then
    shown[3] = "the last lines of " .. server.error_log(options) .. ":\n" .. last_lines(text, 20)
  end
  log.warn("before anything is restored:\n" .. table.concat(shown, "\n"))
  local within = waited and " within " .. options.health_within or ""
  local reason = raised and (status or 500) >= 500 and format_exception(raised, release.paths.root) or wrong
  if path(options) == "" then
    fail("mod_wsgi-express does not serve " .. release.name .. within .. ": " .. reason,
      "--health-within gives it more time; --restart names another way")
  end
  fail(("%s does not work: GET %s%s: %s"):format(release.name, url(options), within, reason),
    "fix the application and release again" .. (waited and "; --health-within gives it more time" or ""))
end

-- check sends requests until the release is served and its answer is right. It fails with the
-- reason when health_within has passed, or earlier when the error log proves that the release is
-- broken. In a dry run nothing was switched, so it does nothing.
local function check(host, release)
  local options, since = release.options, release.server and release.server.log
  local asked = path(options) ~= ""
  if not asked and not server.is_mod_wsgi(options) then
    return
  elseif (dry_run or not release.switched) and releases.current(host, release.paths) ~= release.dir then
    return
  end
  step(asked and "health check " .. url(options) or "check what is served", function()
    local began, broken_since, reloaded = clock.now(), nil, false
    local deadline = began + seconds(options)
    while true do
      local stale, daemons = server.stale(host, options, release.dir)
      local problem, status
      -- A process that was touched restarts at a request.
      if asked or (stale and options.restart == "touch") then
        problem, status = ask(host, release)
      end
      local wrong = stale or (asked and problem) or nil
      if not wrong then
        server.report(host, options, daemons)
        return
      end
      local now = clock.now()
      broken_since = not stale and status and status >= 500 and (broken_since or now) or nil
      if stale and options.restart == "touch" and not reloaded and now - began > TOUCH_SECONDS then
        reloaded = true
        server.reload_stale(host, release)
      elseif broken_since and now - broken_since > BROKEN_SECONDS then
        local _, raised = new_errors(host, options, since)
        if raised and raised.loading then
          give_up(host, release, wrong, status, since)
        end
      end
      -- Requests in flight keep an old process alive for up to request_seconds. An application that
      -- answers meanwhile is not broken.
      if now > deadline + (stale and not (asked and problem) and options.request_seconds or 0) then
        give_up(host, release, wrong, status, since, true)
      end
      sleep("0.2s")
    end
  end)
end

return {
  check = check, works = works, path = path, url = url, seconds = seconds, validate = validate, last_error = last_error,
  last_exception = last_exception, format_exception = format_exception,
}
