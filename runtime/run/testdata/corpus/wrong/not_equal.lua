if hosts[1].port != 22 then -- want: syntax error near "!": unequal is ~=
  log.info("odd")
end
