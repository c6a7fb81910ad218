-- Asking the application whether it is well, from the host itself.

local units = { ms = 0.001, s = 1, m = 60, h = 3600 }

-- seconds reads a duration such as "90s" or "1m30s".
local function seconds(duration)
  local total, rest = 0, duration
  while rest ~= "" do
    local number, unit, after = rest:match("^(%d+%.?%d*)(%a+)(.*)$")
    if not units[unit] then
      fail("--health-within: want a duration such as 90s or 1m30s, got \"" .. duration .. "\"",
        "a number needs its unit: ms, s, m or h")
    end
    total, rest = total + tonumber(number) * units[unit], after
  end
  return total
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
local function ask(host, url)
  local ok, answer = pcall(host.http, host, url, { timeout = "10s" })
  if not ok then
    return answer.message
  elseif answer.status == 200 then
    return nil
  end
  return "status " .. answer.status .. "\n" .. first_lines(answer.body)
end

-- check asks until the answer is 200, or fails with the last answer and the end of the server's error log.
local function check(host, options, server_root)
  if options.health == "" then
    return
  end
  local url = "http://127.0.0.1:" .. options.port .. "/" .. options.health:gsub("^/+", "")
  step("check " .. url, function()
    local deadline = clock.now() + seconds(options.health_within)
    local wrong = ask(host, url)
    while wrong and clock.now() < deadline do
      host:capture({ "sleep", "0.2" })
      wrong = ask(host, url)
    end
    if not wrong then
      return
    end
    local errors = host:capture({ "tail", "-n", "20", server_root .. "/error_log" }, { check = false })
    if errors ~= "" then
      wrong = wrong .. "\nthe last lines of " .. server_root .. "/error_log:\n" .. errors
    end
    fail(url .. " did not answer 200 within " .. options.health_within .. "; the last answer: " .. wrong,
      "mend the application and release again; --health-within gives it more time")
  end)
end

return { check = check, seconds = seconds }
