recipe { options = { how = { "fast", "how", choices = { "slow", "never" } } } } -- want: option how: default: want one of slow, never, got "fast"
