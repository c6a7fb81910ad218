recipe {}
local function run(host, ...)
  local words = { ... }
  return host:run(words)
end
local function log_all(format, ...) log.info(string.format(format, ...)) end
each(hosts, function(host)
  run(host, "systemctl", "reload", "nginx")
  host:run({ "echo", unpack({ "a", "b" }) })
  log_all("%s:%d", host.address, host.port)
  print(select("#", host.tags), next(host.vars))
end)
