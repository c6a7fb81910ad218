for _, host in ipairs(hosts)
  log.info(host.name) -- want: syntax error near "log": do is missing after the for at line 1
end
