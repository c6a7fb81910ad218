if hosts[1].port != 22 then -- want: syntax error near "!": write ~= for not equal
  log.info("odd")
end
