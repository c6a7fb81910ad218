local layout = require "layuot" -- want: there is no module "layuot": neither testdata/corpus/wrong/layuot.lua nor testdata/corpus/wrong/lib/layuot.lua exists (did you mean "layout"?)
print(layout)
