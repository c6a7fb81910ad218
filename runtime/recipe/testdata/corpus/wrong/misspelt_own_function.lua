local layout = require "layout"
print(layout.curent("/srv")) -- want: layout has no "curent" (did you mean "current"?); it has current, releases
