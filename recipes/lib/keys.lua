-- The deploy key: which agent holds it, and for how long.

local app = require("options").app

-- over_ssh says whether git logs in by ssh: https and paths take no key.
local function over_ssh(options)
  local repo = options.repo
  return repo:find("^ssh://") ~= nil or (not repo:find("://", 1, true) and repo:find("^[^/]+:") ~= nil)
end

local function needed(options)
  return #options.key > 0 and over_ssh(options)
end

-- place says who can log in to the repository: "here" this machine, "host" the hosts alone, and "anywhere" whoever can reach it,
-- unless it takes a login that only the hosts know.
local function place(options)
  if needed(options) then
    return options.agent == "forward" and "here" or "host"
  elseif options.repo:find("^https://") then
    return options.repo:find("^https://[^/]*@") and "here" or "anywhere"
  end
  return "host"
end

-- for_git runs fn, which calls git, with the key within its reach. With --agent forward that is all the time that the
-- host gets to use it: the agent inside runbook is forwarded while fn runs, and signs for the git server alone.
local function for_git(options, fn)
  if needed(options) and options.agent == "forward" then
    agent.forward({ keys = options.key, to = { options.repo }, signatures = app.signatures }, fn)
  else
    fn()
  end
end

-- for_update runs fn, one host's whole update. With --agent host an ssh-agent is started on the host before it, the
-- host's own key is added, for the git server alone, and the agent is stopped after it, whatever happened.
local function for_update(host, options, fn)
  if needed(options) and options.agent == "host" then
    host:agent({ keys = options.key, to = { options.repo } }, fn)
  else
    fn()
  end
end

return { place = place, for_git = for_git, for_update = for_update }
