-- Ports Deployer's contrib/slack.php: a chat gets the start and the result of a deployment.
-- 20 lines of code, the original has 92.
local options = recipe {
  summary = "run a deployment and announce it in a chat",
  hosts = "production",
  options = {
    webhook = { "https://hooks.example.org/T0/B0", "the address of the webhook", secret = true },
    title = { "app", "the name of the application" },
    command = { { "bin/deploy" }, "what deploys it", lab = { "true" } },
  },
}

local function announce(text, color)
  local body = json.encode({ attachments = { { title = options.title, text = text, color = color } } })
  local ok, answer = pcall(localhost.post, localhost, options.webhook, body)
  if not ok or answer.status >= 300 then
    log.warn("the chat got no message: " .. (ok and answer.body or answer.message))
  end
end

announce(env("USER", "somebody") .. " deploys to " .. #hosts .. " hosts", "#4d91f7")
localhost:on_failure(function(_, err) announce("failed: " .. err.message, "#ff0909") end)
each(hosts, function(host) host:run(options.command) end)
announce("deployed to " .. #hosts .. " hosts", "#00c100")
