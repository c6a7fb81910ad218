each(hosts, function(host)
  if host.fs:exists("/etc/motd") then
    log.info("there")
end) -- want: syntax error near ")": the if at line 2 has no end
