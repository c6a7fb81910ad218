recipe {}
local is_even
local function is_odd(n) return n ~= 0 and is_even(n - 1) end
function is_even(n) return n == 0 or is_odd(n - 1) end
print(is_even(10), is_odd(7))
local handler
handler = function(host) log.info(host.name) end
each(hosts, function(host) handler(host) end)
