log.info("a", "b") -- want: log.info: 2 arguments are too many; it takes (text)
