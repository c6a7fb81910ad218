print(math.flor(1.5)) -- want: math has no "flor" (did you mean "floor"?)
