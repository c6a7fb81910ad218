if not hosts[1] then
  fail("no host")
  log.info("none") -- want: unreachable: the code above
end
