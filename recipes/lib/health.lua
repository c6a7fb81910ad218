-- Asking the application whether it is well, from the host itself, and what serves it whether it is the new release.

local app = require("options").app
local duration = require "duration"
local server = require "server"

-- seconds is how long a release has until it must be well.
local function seconds(options)
  return duration.seconds(options.health_within)
end

-- stated fails when app.lua, or a flag, asks for what can't be.
local function stated(options)
  if app.healthy and app.health == "" and options.health == "" then
    fail("recipes/app.lua has healthy, but there is no path to ask", "health = \"/\" in recipes/app.lua, or --health /")
  end
end

-- first_lines cuts what an answer's body has to say.
local function first_lines(body)
  local lines = {}
  for line in body:gmatch("[^\n]+") do
    if #lines < 5 then
      lines[#lines + 1] = line:sub(1, 200)
    end
  end
  return table.concat(lines, "\n")
end

-- ask sends one request, and returns nil when all is well, else what came back instead.
local function ask(host, url, release)
  local ok, answer = pcall(host.http, host, url, { timeout = "10s" })
  if not ok then
    return answer.message
  elseif answer.status ~= app.health_status then
    return "status " .. answer.status .. "\n" .. first_lines(answer.body)
  elseif app.healthy then
    local well, why = app.healthy(answer.body, release)
    return not well and "status " .. answer.status .. ", which is not well" .. (why and ": " .. why or "") .. "\n" ..
      first_lines(answer.body) or nil
  end
  return nil
end

-- check asks until the release is what is served and its answer is right, or shows all that is known and fails.
local function check(host, options, release)
  if options.health == "" and not server.is_mod_wsgi(options) then
    return
  end
  local url = "http://127.0.0.1:" .. options.port .. "/" .. options.health:gsub("^/+", "")
  step("check " .. (options.health == "" and "what is served" or url), function()
    local well, wrong = duration.wait(host, seconds(options), function()
      local stale = server.stale(host, options, release.dir)
      -- After a touch, it is a request that makes a process start anew.
      local answer = (options.health ~= "" or stale and options.restart == "touch") and ask(host, url, release) or nil
      local problem = stale or options.health ~= "" and answer or nil
      return not problem, problem
    end)
    if well then
      return
    end
    log.warn("this is what there is, before anything is put back:\n" .. wrong .. "\n" .. server.evidence(host, options))
    if options.health == "" then
      fail("the server does not serve " .. release.name .. " within " .. options.health_within .. ": " .. wrong,
        "--health-within gives it more time; --restart names another way")
    end
    fail(url .. " did not answer " .. app.health_status .. " within " .. options.health_within ..
      "; the last answer: " .. wrong, "mend the application and release again; --health-within gives it more time")
  end)
end

return { check = check, seconds = seconds, stated = stated }
