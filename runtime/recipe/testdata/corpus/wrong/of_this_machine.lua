localhost:upolad("a", "/b") -- want: localhost has no "upolad" (did you mean "upload"?)
