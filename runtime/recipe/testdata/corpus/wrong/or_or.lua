if hosts[1] || hosts[2] then log.info("some") end -- want: syntax error near "|": write or
