recipe {}
local _, minor = _VERSION:match("(%d+)%.(%d+)")
local _unused = "kept for later"
for _ = 1, tonumber(minor) do print("x") end
for index, host in ipairs(hosts) do print(index, host.name) end
for index, _host in ipairs(hosts) do print(index) end
each(hosts, function() log.info("once for each") end)
