-- Which release a rollback goes to.

local history = require "history"
local layout = require "layout"
local pool = require "pool"
local releases = require "releases"
local server = require "server"

local LIST = "runbook run recipes/status.lua lists the releases"

-- stated returns the release that --release names, or nil and the problem with it.
local function stated(paths, found, wanted)
  local name = layout.title(paths, wanted)
  if name:find("/", 1, true) and not found.by_name[name] then
    return nil, { wanted .. " is not in " .. paths.releases,
      "name a release by its name, or by its path: " .. paths.releases .. "/NAME" }
  end
  local release = found.by_name[name]
  if found.alias[name] then
    return nil, { paths.releases .. "/" .. name .. " is a link, not a release", LIST }
  elseif not release then
    return nil, { "there is no release " .. name, LIST }
  elseif not release.complete then
    return nil, { "release " .. name .. " is incomplete" .. (release.why and ": " .. release.why or ""), LIST }
  end
  return release
end

-- earlier returns the release that was current before the present one. Those that are gone, incomplete or were gone
-- back from are passed over; where the log knows no more it is the newest that is older by name.
local function earlier(found)
  local seen = {}
  local function usable(release)
    return release and release.complete and release.name ~= found.name and not found.failed[release.name]
  end
  local name = history.before(found.entries, found.name)
  while name and not seen[name] do
    if usable(found.by_name[name]) then
      return found.by_name[name]
    end
    seen[name] = true
    name = history.before(found.entries, name)
  end
  for _, release in ipairs(found.list) do
    if release.name < found.name and usable(release) then
      return release
    end
  end
  return nil, { "there is no release before " .. found.name .. " to go back to", LIST }
end

-- target returns what a host is to go back to, { name, revision, python, foreign, from, done, unserved }, or nil and the problem.
-- from is what is current now, done whether it is the same and serves visitors, and unserved whether it is the same and only the
-- server is missing.
local function target(host, options)
  local paths = layout.of(options)
  local found = releases.look(host, paths, server.script(options))
  local release, problem
  if found.odd then
    return nil, { found.odd, "it must be a link to an absolute path" }
  elseif options.release ~= "" then
    release, problem = stated(paths, found, options.release)
  elseif found.name then
    release, problem = earlier(found)
  else
    problem = { "no release is current, so there is none before it", "name one with --release; " .. LIST }
  end
  local lacks = release and releases.lack(paths, release)
  if lacks then
    return nil, { "release " .. release.name .. " cannot be served: " .. lacks, "name another with --release; " .. LIST }
  elseif not release then
    return nil, problem
  end
  local same = found.name == release.name and history.finished(found.entries, release.name)
  local serves = same and server.serves(host, options, layout.release(paths, release.name))
  return {
    name = release.name, revision = release.marker.revision, python = release.marker.python, from = found.name or "",
    foreign = release.foreign,
    done = same and serves and not pool.is_out(found), unserved = same and not serves,
  }
end

-- agree fails unless all hosts go to the same release, at the same revision, or each to one of another tool, which may have
-- given them other names on each host. It returns the release that all go to, or nil.
local function agree(hosts, targets)
  local first, lines = targets[hosts[1].name], {}
  local same, foreign = true, true
  for _, host in ipairs(hosts) do
    local chosen = targets[host.name]
    same = same and chosen.name == first.name and chosen.revision == first.revision
    foreign = foreign and chosen.foreign
    lines[#lines + 1] = host.name .. ": " .. chosen.name .. (chosen.foreign and "" or " (" .. chosen.revision:sub(1, 10) .. ")")
  end
  if same then
    return first.name
  elseif foreign then
    return nil
  end
  for _, host in ipairs(hosts) do
    host:result({ state = "refused" })
  end
  fail("the hosts would not go back to the same release:\n  " .. table.concat(lines, "\n  "),
    "name the release with --release, or one host after the other with --only")
end

return { target = target, agree = agree }
