local port = hosts[1].port
if port == 22
  log.info("usual") -- want: syntax error near "log": then is missing after the condition at line 2
end
