log("x") -- want: log is a group of functions; write log.info(…)
