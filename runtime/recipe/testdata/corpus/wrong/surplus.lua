log.info("a", "b") -- want: log.info: want (text), got 2 arguments
