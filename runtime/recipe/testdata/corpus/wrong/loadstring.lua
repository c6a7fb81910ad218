loadstring("x = 1")() -- want: undeclared global "loadstring"; load code with require
