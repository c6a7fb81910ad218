error("stop")
log.info("x") -- want: this is never reached
