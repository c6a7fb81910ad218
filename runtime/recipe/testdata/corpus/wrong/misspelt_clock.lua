print(clock.uct()) -- want: clock has no "uct" (did you mean "utc"?)
