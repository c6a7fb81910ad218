error("stop")
log.info("x") -- want: unreachable: the code above
