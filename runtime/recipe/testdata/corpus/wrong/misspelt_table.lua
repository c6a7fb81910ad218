local t = {}
table.instert(t, 1) -- want: table has no "instert" (did you mean "insert"?)
