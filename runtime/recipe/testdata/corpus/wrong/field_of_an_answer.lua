each(hosts, function(host)
  if host:test("true").ok then log.info("x") end -- want: host:test(…) is true or false, so it has no "ok"
end)
