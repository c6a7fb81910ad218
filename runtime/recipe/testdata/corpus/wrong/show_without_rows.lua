show({ header = { "host" } }) -- want: show: rows is missing
