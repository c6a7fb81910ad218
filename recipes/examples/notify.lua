-- Reports the result of a run to a chat, through a webhook: a POST with { "text": … }, which Slack,
-- Mattermost and many others read, plus the fields of the result. Copy this file to
-- recipes/lib/. In a recipe:
--
--   local notify = require "notify"
--   local report = notify.begin(secret.env("WEBHOOK"), "release " .. release.name)
--   …
--   report.done({ release = release.name, revision = release.revision })
--
-- A run that ends before report.done, even by an interrupt, is reported as failed.

-- who returns USER@MACHINE.
local function who()
  local user = os.getenv("USER") or os.getenv("LOGNAME") or localhost:capture({ "id", "-un" })
  return user .. "@" .. localhost:capture({ "uname", "-n" })
end

-- post sends a message. A chat that does not answer must not fail a release.
local function post(url, message)
  local ok, answer = pcall(localhost.post, localhost, url, json.encode(message), { timeout = "10s" })
  if not ok then
    log.warn("the webhook got no message: " .. tostring(answer))
  elseif answer.status >= 300 then
    log.warn("the webhook answered " .. answer.status .. ": " .. answer.body:sub(1, 200))
  end
end

-- begin starts the clock, and reports the run if it fails. title describes the run.
local function begin(url, title)
  local names, done = {}, false
  for _, host in ipairs(hosts) do
    names[#names + 1] = host.name
  end
  local began = os.time()

  local function report(result, more)
    local seconds = os.difftime(os.time(), began)
    local message = { title = title, result = result, hosts = names, by = who(), seconds = seconds }
    for name, value in pairs(more or {}) do
      message[name] = value
    end
    message.text = title .. ": " .. result .. " on " .. table.concat(names, ", ") .. " after " .. seconds ..
      " s, by " .. message.by
    post(url, message)
  end

  localhost:on_failure(function()
    if not done then
      report("failed")
    end
  end)
  return {
    -- done reports success. more has additional fields for the message.
    done = function(more)
      done = true
      report("done", more)
    end,
  }
end

return { begin = begin }
