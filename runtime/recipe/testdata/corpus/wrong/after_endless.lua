recipe {}
while true do log.info("x") end
log.info("y") -- want: unreachable: the code above
