-- Which commit a release is of. This machine decides it, so that no host can have another one released on the others.

local app = require("options").app
local keys = require "keys"
local problems = require "problems"

-- UNABLE are parts of the messages of what keeps this machine from asking, rather than of what is wrong with the answer.
local UNABLE = { "can't be reached", "there is no git", "cannot run ssh", "didn't say which server it talks to" }

-- unable says whether a problem is one of UNABLE. A login that only the hosts may have counts, too.
local function unable(options, problem)
  for _, text in ipairs(UNABLE) do
    if problem[1]:find(text, 1, true) then
      return true
    end
  end
  return keys.place(options) == "anywhere" and problem[1]:find("refused the login", 1, true) ~= nil
end

-- resolve returns the commit that the branch stands for, asked by this machine before any host is; or nil and why the hosts are
-- to be asked for it. A third result is a problem that the hosts are likely to have, too: theirs is to be told of first.
local function resolve(options)
  local place = keys.place(options)
  if place == "host" then
    return nil, "the repository, or the key to it, is on the hosts"
  end
  local revision
  local problem = problems.of(localhost, keys.for_git, options, function()
    revision = localhost.git:resolve(options.repo, options.branch)
  end)
  if not problem then
    log.info(options.branch .. " is " .. revision .. ", asked for from this machine")
    return revision
  elseif unable(options, problem) then
    return nil, "from this machine: " .. problem[1]
  end
  return nil, problem[1], problem
end

-- verify fails unless the commit has the signature that app.lua's verify asks for. It is checked here, whatever the hosts say. why is
-- why this machine does not know the commit; nil when it does.
local function verify(options, revision, why)
  if app.verify == "none" then
    return
  end
  local place = keys.place(options)
  if why or place == "host" then
    fail("the signature of the " .. app.verify .. " can't be checked: " .. (why or "the repository, or the key to it, is on the hosts"),
      "signatures are checked on this machine, which must be able to fetch from the repository; or set verify = \"none\" in recipes/app.lua")
  end
  keys.for_git(options, function()
    log.info(localhost.git:verify({
      repo = options.repo, revision = revision, branch = options.branch, by = app.verify, signers = app.allowed_signers,
    }))
  end)
end

-- agree returns the commit that all hosts report, having said which host is believed and why; it fails where they differ.
-- heads has them by host.
local function agree(servers, heads, why)
  local first, lines, same = servers[1], {}, true
  for _, host in ipairs(servers) do
    same = same and heads[host.name] == heads[first.name]
    lines[#lines + 1] = host.name .. ": " .. tostring(heads[host.name])
  end
  if not same then
    for _, host in ipairs(servers) do
      host:result({ state = "refused" })
    end
    fail("the hosts report different commits for the branch:\n  " .. table.concat(lines, "\n  "),
      "if somebody pushed meanwhile, release again; else find out why one host's git says something else, or name the commit by --revision")
  end
  local said = ("the commit is %s by the word of %s%s (%s)"):format(heads[first.name]:sub(1, 10), first.name,
    #servers > 1 and ", and the others agree" or "", why)
  if why:find("from this machine", 1, true) then
    log.warn(said)
  else
    log.info(said)
  end
  return heads[first.name]
end

return { resolve = resolve, verify = verify, agree = agree }
