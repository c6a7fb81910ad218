step(function() log.info("x") end) -- want: step: title is missing
