if not hosts[1] then
  fail("no host")
  log.info("none") -- want: this is never reached
end
