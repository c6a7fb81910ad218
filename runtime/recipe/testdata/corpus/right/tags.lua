recipe {}
local function has(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end
local web, rest = {}, {}
for _, host in ipairs(hosts) do
  local group = has(host.tags, "web") and web or rest
  group[#group + 1] = host
end
each(web, function(host) host:run({ "systemctl", "reload", "nginx" }, { sudo = true }) end)
each(rest, { at_once = #rest > 0 and #rest or 1 }, function(host) host:run({ "true" }) end)
