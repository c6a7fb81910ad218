local options = recipe { options = { branch = { "main", "what to release" } } }
log.info(options.brnch) -- want: options has no "brnch" (did you mean "branch"?); it has branch
