log.info("a" -- want: the file ends too early: the ( that begins here has no )
