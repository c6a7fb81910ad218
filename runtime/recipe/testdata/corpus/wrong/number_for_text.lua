log.info(3) -- want: log.info: text: want a string, got a number
