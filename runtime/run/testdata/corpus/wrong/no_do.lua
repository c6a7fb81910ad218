for _, host in ipairs(hosts)
  log.info(host.name) -- want: syntax error near "log": do is missing behind the for at line 1
end
