print(("x"):uper()) -- want: "x" is a string, so it has no "uper" (did you mean "upper"?)
