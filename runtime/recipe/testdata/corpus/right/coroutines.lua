recipe {}
local function names()
  return coroutine.wrap(function()
    for _, host in ipairs(hosts) do coroutine.yield(host.name) end
  end)
end
for name in names() do print(name) end
