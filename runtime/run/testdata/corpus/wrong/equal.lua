if hosts[1].name = "web1" then -- want: syntax error near "=": equal is ==
  log.info("first")
end
