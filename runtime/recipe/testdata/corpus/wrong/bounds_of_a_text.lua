recipe { options = { name = { "x", "a name", min = 3 } } } -- want: min and max are for numbers
