if !hosts[1] then log.info("none") end -- want: syntax error near "!": write not
