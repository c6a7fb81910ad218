recipe {}
each(hosts, function(host)
  local ok, err = pcall(host.run, host, "false")
  if not ok then log.warn(err.message .. " " .. err.hint) end
  local fine, answer = pcall(function() return host:http("http://127.0.0.1:8000/") end)
  if fine and answer.status == 200 then log.info("it answers") end
end)
