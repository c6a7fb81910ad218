-- Checks after a switch that the new release is what is served, and that the application answers.

local app = require("options").app
local duration = require "duration"
local error_log = require "error_log"
local layout = require "layout"
local server = require "server"
local server_args = require "server_args"

-- TOUCH_SECONDS is how long a touch may take to be seen before the processes are restarted, and BROKEN_SECONDS how long an
-- application may answer 5xx before its error log decides.
local TOUCH_SECONDS, BROKEN_SECONDS = 3, 5

-- seconds returns how long a release has until it must be well.
local function seconds(options)
  return duration.seconds(options.health_within)
end

-- path returns the path to ask for; "" for no check. The default is / with mod_wsgi-express; of another server runbook does not
-- know the port.
local function path(options)
  if options.health ~= "auto" then
    return options.health
  end
  return server.is_mod_wsgi(options) and "/" or ""
end

-- validate fails when app.lua, or a flag, asks for what cannot be.
local function validate(options)
  if app.healthy and path(options) == "" then
    fail("recipes/app.lua has healthy, but there is no path to ask", "health = \"/\" in recipes/app.lua, or --health /")
  end
end

-- url returns the address of the application on the host itself.
local function url(options)
  local address = server_args.value(app.server_args, "--host") or "127.0.0.1"
  if address == "0.0.0.0" or address == "*" then
    address = "127.0.0.1"
  elseif address:find(":", 1, true) then
    address = "[" .. address .. "]"
  end
  return "http://" .. address .. ":" .. options.port .. "/" .. path(options):gsub("^/+", "")
end

-- get sends one request, and returns the answer, or nil and why there is none.
local function get(host, options, timeout)
  local headers = options.health_host ~= "" and { Host = options.health_host } or nil
  local ok, answer = pcall(host.http, host, url(options), { timeout = timeout, headers = headers })
  if ok then
    return answer
  end
  return nil, answer.message
end

-- text returns the first lines of an answer's body; "" for HTML, which tells nobody what went wrong.
local function text(body)
  local lines = {}
  for line in (body:find("^%s*<") and "" or body):gmatch("[^\n]+") do
    if #lines < 5 then
      lines[#lines + 1] = line:sub(1, 200)
    end
  end
  return table.concat(lines, "\n")
end

-- accepted says whether a status is the one that is wanted, and what is wanted in words.
local function accepted(options, status)
  if options.health_status then
    return status == options.health_status, tostring(options.health_status)
  elseif path(options) == "/" then
    return status < 500, "below 500"
  end
  return status == 200, "200"
end

-- ask sends one request, and returns nil when all is well, else what is wrong, and the status that was answered.
local function ask(host, options, release)
  local answer, none = get(host, options, "10s")
  if not answer then
    return none
  end
  local ok, wanted = accepted(options, answer.status)
  if not ok then
    return ("answered %d, want %s\n%s"):format(answer.status, wanted, text(answer.body)):gsub("\n$", ""), answer.status
  elseif app.healthy then
    local well, why = app.healthy(answer.body, release)
    if not well then
      return ("answered %d, and healthy in app.lua refuses it%s\n%s"):format(answer.status, why and ": " .. why or "", text(answer.body)),
        answer.status
    end
  end
  return nil, answer.status
end

-- works says whether the application that is served now answers at all: anything below 500.
local function works(host, options)
  local answer = get(host, options, "3s")
  return answer ~= nil and answer.status < 500
end

-- logged returns what the error log has since it had so many bytes, and the last exception in that or nil.
local function logged(host, options, since)
  local path_of_log = server.error_log(options)
  local log = path_of_log and error_log.read(host, path_of_log, since) or ""
  return log, error_log.last_exception(log)
end

-- last_lines returns the end of a log, as Apache wrote it.
local function last_lines(log, count)
  local lines = {}
  for line in log:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n", math.max(1, #lines - count + 1))
end

-- give_up fails with the reason why a release is not well, having shown what there is to see before anything is put back.
-- An exception is the reason unless the application answered something else than 5xx.
local function give_up(host, options, release, wrong, status, since, waited)
  local text_of_log, raised = logged(host, options, since)
  local shown = { wrong, server.evidence(host, options) }
  if raised then
    shown[3] = table.concat(raised.traceback, "\n")
  elseif text_of_log ~= "" then
    shown[3] = "the last lines of " .. server.error_log(options) .. ":\n" .. last_lines(text_of_log, 20)
  end
  log.warn("before anything is put back:\n" .. table.concat(shown, "\n"))
  local within = waited and " within " .. options.health_within or ""
  local reason = raised and (status or 500) >= 500 and error_log.reason(raised, layout.of(options).root) or wrong
  if path(options) == "" then
    fail("mod_wsgi-express does not serve " .. release.name .. within .. ": " .. reason,
      "--health-within gives it more time; --restart names another way")
  end
  fail(("%s does not work: GET %s%s: %s"):format(release.name, url(options), within, reason),
    "fix the application and release again" .. (waited and "; --health-within gives it more time" or ""))
end

-- check asks until the release is what is served and its answer is right, or fails with the reason. since is the size that the
-- error log had before the switch.
local function check(host, options, release, since)
  local asked = path(options) ~= ""
  if not asked and not server.is_mod_wsgi(options) then
    return
  end
  step(asked and "health check " .. url(options) or "check what is served", function()
    local began, broken_since, reloaded = clock.now(), nil, false
    local deadline = began + seconds(options)
    while true do
      local stale = server.stale(host, options, release.dir)
      local problem, status
      -- A process that was touched restarts at a request.
      if asked or (stale and options.restart == "touch") then
        problem, status = ask(host, options, release)
      end
      local wrong = stale or (asked and problem) or nil
      if not wrong then
        server.report(host, options)
        return
      end
      local now = clock.now()
      broken_since = not stale and status and status >= 500 and (broken_since or now) or nil
      if stale and options.restart == "touch" and not reloaded and now - began > TOUCH_SECONDS then
        reloaded = true
        server.reload_stale(host, options, release)
      elseif broken_since and now - broken_since > BROKEN_SECONDS then
        local _, raised = logged(host, options, since)
        if raised and raised.loading then
          give_up(host, options, release, wrong, status, since)
        end
      end
      -- Requests in flight may keep an old process for so long; what answers meanwhile is well.
      if now > deadline + (stale and not (asked and problem) and options.request_seconds or 0) then
        give_up(host, options, release, wrong, status, since, true)
      end
      host:capture({ "sleep", "0.2" })
    end
  end)
end

return { check = check, works = works, path = path, seconds = seconds, validate = validate }
