local layout = require "layout" -- want: the local layout is never read
