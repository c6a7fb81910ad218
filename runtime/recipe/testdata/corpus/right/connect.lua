recipe { summary = "say which hosts are away, look at the others" }
local away = {}
for _, missing in ipairs(connect()) do
  away[missing.host] = missing.message
  log.warn(missing.host .. ": " .. missing.message .. "; " .. missing.hint)
end
for _, host in ipairs(hosts) do
  if not away[host.name] then print(host.name, host:capture({ "hostname", "-f" })) end
end
