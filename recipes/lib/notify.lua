-- Tells a chat what became of a run, through a webhook: by POST with { "text": … }, which Slack, Mattermost and many others
-- read, and the parts beside it for those who want them. In a recipe:
--
--   local notify = require "notify"
--   local report = notify.begin(secret.env("WEBHOOK"), "release " .. release.name)
--   …
--   report.done({ release = release.name, revision = release.revision })
--
-- A run that ends in any other way than at done, an interrupt too, is told as failed.

-- who is USER@MACHINE.
local function who()
  local user = os.getenv("USER") or os.getenv("LOGNAME") or localhost:capture({ "id", "-un" })
  return user .. "@" .. localhost:capture({ "uname", "-n" })
end

-- post sends a message. A chat that doesn't answer is no reason to fail a release.
local function post(url, message)
  local ok, answer = pcall(localhost.post, localhost, url, json.encode(message), { timeout = "10s" })
  if not ok then
    log.warn("the webhook was not told: " .. tostring(answer))
  elseif answer.status >= 300 then
    log.warn("the webhook answered " .. answer.status .. ": " .. answer.body:sub(1, 200))
  end
end

-- begin notes the time and makes sure that a failure is told. title says what the run is.
local function begin(url, title)
  local names, done = {}, false
  for _, host in ipairs(hosts) do
    names[#names + 1] = host.name
  end
  local began = os.time()

  local function tell(result, more)
    local seconds = os.difftime(os.time(), began)
    local message = { title = title, result = result, hosts = names, by = who(), seconds = seconds }
    for name, value in pairs(more or {}) do
      message[name] = value
    end
    message.text = title .. ": " .. result .. " on " .. table.concat(names, ", ") .. " after " .. seconds .. " s, by " .. message.by
    post(url, message)
  end

  localhost:on_failure(function()
    if not done then
      tell("failed")
    end
  end)
  return {
    -- done tells that all is well; more are further parts of the message.
    done = function(more)
      done = true
      tell("done", more)
    end,
  }
end

return { begin = begin }
