-- Ports a Capistrano task that waits for every server and role, and names those that are not up.
-- 24 lines of code, the original has 28.
local options = recipe {
  summary = "wait until the application is up on every host, and show which are not",
  hosts = "production",
  options = {
    url = { "http://127.0.0.1:8000/health/status", "asked on each host" },
    within = { "90s", "how long to wait", type = "duration" },
    every = { "3s", "the pause between two requests", type = "duration" },
  },
}

local down = {}
each(hosts, { at_once = 10 }, function(host)
  local up, err = pcall(wait, "it is up", { within = options.within, every = options.every }, function()
    local ok, answer = pcall(host.http, host, options.url)
    return ok and answer.body == "up", ok and "it answers " .. answer.status or answer.message
  end)
  if not up then
    down[#down + 1] = host.name
  end
  host:result({ state = up and "up" or "down", reason = not up and err.message or "" },
    { tone = up and "good" or "bad" })
end)
if #down > 0 then
  fail("not up: " .. table.concat(down, ", "))
end
