print(("x"):uper()) -- want: this value is a string, so it has no "uper" (did you mean "upper"?)
