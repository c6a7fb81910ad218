recipe { sumary = "x" } -- want: recipe: unknown option "sumary" (did you mean "summary"?)
