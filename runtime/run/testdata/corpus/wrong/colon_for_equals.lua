recipe { summary: "restart" } -- want: in a table a name and its value are written name = value
