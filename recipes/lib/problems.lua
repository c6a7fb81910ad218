-- Problems: what a check found wrong on a host, each { what is wrong, what to do about it }. Those of all hosts are
-- told of together, so that nobody mends one host to learn of the next.

-- list makes a list of those that are not nil.
local function list(...)
  local found = {}
  for i = 1, select("#", ...) do
    found[#found + 1] = (select(i, ...))
  end
  return found
end

-- of calls fn and returns the problem that it raised, or nil. A mistake in the recipe itself is raised again.
local function of(host, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then
    return nil
  elseif type(err) ~= "userdata" then
    error(err, 0)
  end
  local message, name = err.message, host.name .. ": "
  if message:sub(1, #name) == name then
    message = message:sub(#name + 1)
  end
  return { message, err.hint }
end

-- note adds a problem of a host to lines, or the host to the same problem of another.
local function note(lines, problem, host)
  for _, line in ipairs(lines) do
    if line.text == problem[1] and line.hint == problem[2] then
      table.insert(line.hosts, host)
      return
    end
  end
  table.insert(lines, { text = problem[1], hint = problem[2], hosts = { host } })
end

-- ask calls check for every host that can be reached, and returns the problems by host. A host of the run that isn't among
-- those to be asked, such as a load balancer, must be within reach all the same.
local function ask(hosts, at_once, check)
  local by_host, reached, away = {}, {}, {}
  for _, missing in ipairs(connect()) do
    by_host[missing.host], away[missing.host] = { { missing.message, missing.hint } }, true
  end
  for _, host in ipairs(hosts) do
    if not away[host.name] then
      reached[#reached + 1] = host
      host:result({ state = "not touched" })
    end
  end
  each(reached, { at_once = at_once }, function(host)
    by_host[host.name] = check(host)
    if #by_host[host.name] > 0 then
      host:result({ state = "refused" })
    end
  end)
  return by_host
end

-- raise fails with all that was found. One problem of one host stands under that host's name.
local function raise(lines, by_name)
  local first = lines[1]
  if #lines == 1 and #first.hosts == 1 then
    each({ by_name[first.hosts[1]] }, function() fail(first.text, first.hint) end)
  elseif #lines == 1 then
    fail(table.concat(first.hosts, ", ") .. ": " .. first.text, first.hint)
  end
  local words = {}
  for i, line in ipairs(lines) do
    words[i] = table.concat(line.hosts, ", ") .. ": " .. line.text
    if line.hint and line.hint ~= "" then
      words[i] = words[i] .. "\n    next: " .. line.hint:gsub("\n", "\n    ")
    end
  end
  fail(#words .. " problems:\n  " .. table.concat(words, "\n  "))
end

-- raise_all fails with the problems of all hosts, lists by host, when there are any.
local function raise_all(by_host)
  local by_name, lines = {}, {}
  for _, host in ipairs(hosts) do
    by_name[host.name] = host
    for _, problem in ipairs(by_host[host.name] or {}) do
      note(lines, problem, host.name)
    end
  end
  if #lines > 0 then
    raise(lines, by_name)
  end
end

-- refuse calls check for every host that can be reached, which returns a list of problems, and fails when there are any, or
-- a host can't be reached. It is to be called before anything is changed.
local function refuse(asked, at_once, check)
  raise_all(ask(asked, at_once, check))
end

return { list = list, of = of, raise_all = raise_all, refuse = refuse }
