if hosts[1].name = "web1" then -- want: syntax error near "=": write == to compare
  log.info("first")
end
