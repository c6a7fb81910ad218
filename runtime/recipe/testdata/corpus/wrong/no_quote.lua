log.info('it is late) -- want: the string that begins here has no closing quote
log.info("x")
