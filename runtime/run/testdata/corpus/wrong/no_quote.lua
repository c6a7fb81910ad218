log.info('it is late) -- want: the text that begins here has no closing quote
log.info("x")
