local x = require "../x" -- want: "../x" is no module name
print(x)
