local x = require "../x" -- want: "../x" is not a module name
print(x)
