recipe {}
while true do log.info("x") end
log.info("y") -- want: this is never reached
