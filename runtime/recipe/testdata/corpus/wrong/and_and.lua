if hosts[1] && hosts[2] then log.info("two") end -- want: syntax error near "&": write and
