local options = recipe { options = { branch = { "main", "what to release" } } }
options.branch = "other" -- want: options can't be changed
