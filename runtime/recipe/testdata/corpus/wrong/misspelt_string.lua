print(string.fromat("%d", 3)) -- want: string has no "fromat" (did you mean "format"?)
