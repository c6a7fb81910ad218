recipe { options = { port = { 80, "the port", mni = 1 } } } -- want: unknown option "mni" (did you mean "min"?)
