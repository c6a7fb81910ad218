local M = {}
local count, web = 0, hosts[1]
local function again(n) if n > 0 then return again(n - 1) end end
again(3)
function M.go(host, ...) host:anything(...) return host.whatever end
function M:method() return self.x end
each(hosts, { at_once = 2 }, function(host)
  local r = host:run({ "ls", "-l" }, { cwd = "/", timeout = "1m30s", check = false })
  if r.code ~= 0 then log.info(r.stdout .. host.name) end
  count = count + 1
end)
web = M
web:not_a_host_any_more()
web.run("x")
local opts = { cwd = "/" }
hosts[1]:run("x", opts)
local args = { "x" }
hosts[1]:run(unpack(args))
step("title", M.go)
local value = step("s", function() return 1 end)
for i = 1, 10 do print(i, value) end
for k, v in pairs({ a = 1 }) do print(k, v) end
repeat local done = count > 3 until done
while count < 0 do count = count + 1 end
do local host = { anything = 1 } print(host.anything) end
print(("x"):rep(3), #hosts, -count, not web, string.format("%d", 3), os.time(), coroutine.running())
local t = setmetatable({}, { __index = function(_, k) return k end })
t.x, t["y"] = 1, 2
local list, options = { "a" }, { changes = false }
hosts[1]:script("look.sh")
hosts[1]:script("look.sh", "a", 1, { "b", 2 }, list, { changes = false })
hosts[1]:script("look.sh", list)
hosts[1]:script("look.sh", "a", options)
hosts[1]:script("look.sh", unpack(list))
goto done
::done::
return M
