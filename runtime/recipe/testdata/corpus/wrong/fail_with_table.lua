fail({ "no" }) -- want: fail: message: want a string, got a table
