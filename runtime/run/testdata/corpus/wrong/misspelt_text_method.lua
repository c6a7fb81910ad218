print(("x"):uper()) -- want: a text is a string, so it has no "uper" (did you mean "upper"?)
