recipe { options = { Root = { "/srv", "the folder" } } } -- want: option Root: a name has small letters
