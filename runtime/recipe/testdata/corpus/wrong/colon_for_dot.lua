log:info("x") -- want: log.info is called with a colon; write it with a dot
