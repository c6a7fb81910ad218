agent.forwad({ keys = {}, to = {} }, function() end) -- want: agent has no "forwad" (did you mean "forward"?)
