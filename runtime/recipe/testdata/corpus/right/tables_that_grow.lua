recipe {}
local M = { list = {} }
local function add(...)
  for i = 1, select("#", ...) do M.list[#M.list + 1] = (select(i, ...)) end
  return M
end
M.last = function() return M.list[#M.list] end
print(add("a", "b").last(), M.last())
for name, fn in pairs({ upper = string.upper, lower = string.lower }) do M[name] = fn end
print(M.upper("x"), M.lower("X"))
local cache = setmetatable({}, { __index = function(t, key) t[key] = key .. "!" return t[key] end })
print(cache.anything, rawget(cache, "nothing"))
local names = { "web1" }
for _, host in ipairs(hosts) do names[#names + 1] = host.name end
print(table.concat(names, " "))
