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

-- note adds a text to lines, or the host to the text that is there already.
local function note(lines, text, host)
  for _, line in ipairs(lines) do
    if line.text == text then
      table.insert(line.hosts, host)
      return
    end
  end
  table.insert(lines, { text = text, hosts = { host } })
end

-- refuse calls check for every host, which returns a list of problems, and fails when there are any. It is to be called
-- before anything is changed.
local function refuse(hosts, options, check)
  local by_host, lines, hints = {}, {}, {}
  each(hosts, { at_once = options.at_once }, function(host)
    by_host[host.name] = check(host)
  end)
  for _, host in ipairs(hosts) do
    for _, problem in ipairs(by_host[host.name]) do
      note(lines, problem[1], host.name)
      note(hints, problem[2], host.name)
    end
  end
  if #lines == 0 then
    return
  end
  for _, host in ipairs(hosts) do
    host:result({ state = #by_host[host.name] > 0 and "refused" or "not touched" })
  end
  local words, todo = {}, {}
  for i, line in ipairs(lines) do
    words[i] = table.concat(line.hosts, ", ") .. ": " .. line.text
  end
  for i, hint in ipairs(hints) do
    todo[i] = hint.text
  end
  local message = #words == 1 and words[1] or #words .. " problems:\n  " .. table.concat(words, "\n  ")
  fail(message, table.concat(todo, "\n      "))
end

return { list = list, refuse = refuse }
