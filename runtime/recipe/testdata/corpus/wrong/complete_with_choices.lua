recipe { options = { name = { "a", "a name", choices = { "a", "b" }, complete = { "release" } } } } -- want: complete is for an option without choices
