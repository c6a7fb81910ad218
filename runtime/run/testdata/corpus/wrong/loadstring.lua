loadstring("x = 1")() -- want: undeclared global "loadstring"; code comes by require
