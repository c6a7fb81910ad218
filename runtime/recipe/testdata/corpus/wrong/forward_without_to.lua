agent.forward({ keys = { "~/.ssh/deploy" } }, function() end) -- want: agent.forward: to is missing
