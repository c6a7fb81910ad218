recipe { summary: "restart" } -- want: write name = value in a table
