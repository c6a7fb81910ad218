-- How many hosts are switched together: one after the other in the order of the hosts file, or in batches.

-- size returns how many of count hosts make a batch: 3 is three, "25%" a quarter of them, rounded down, but at least one.
local function size(batch, count)
  local percent = type(batch) == "string" and batch:match("^(%d+)%%$")
  return percent and math.max(1, math.floor(count * percent / 100)) or batch
end

-- stated fails when what was asked for can't be. alone says that hosts are released to one by one, all of it.
local function stated(options, count, alone)
  if size(options.batch, count) > 1 and alone then
    fail("--batch " .. options.batch .. " wants all hosts to be prepared first, which --serial and --agent host don't do",
      "leave --batch out, or the other")
  end
end

-- run calls fn for all servers, batch by batch, and returns how many failed. No further batch begins once more than
-- max_failures have; then stopped is called, and the failure raised.
local function run(servers, options, fn, stopped)
  local waiting, failures = { unpack(servers) }, 0
  while #waiting > 0 do
    local batch, rest, begun, done = {}, {}, {}, {}
    for i, host in ipairs(waiting) do
      table.insert(i <= size(options.batch, #servers) and batch or rest, host)
    end
    local well, problem = pcall(each, batch, { at_once = #batch }, function(host)
      begun[host.name] = true
      fn(host)
      done[host.name] = true
    end)
    local failed = 0
    for i = #batch, 1, -1 do
      local name = batch[i].name
      failed = failed + (begun[name] and not done[name] and 1 or 0)
      if not begun[name] then
        table.insert(rest, 1, batch[i]) -- another one failed before its turn
      end
    end
    failures, waiting = failures + failed, rest
    if not well and (failed == 0 or failures > options.max_failures) then
      stopped()
      error(problem, 0)
    end
  end
  return failures
end

return { size = size, stated = stated, run = run }
