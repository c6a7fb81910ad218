local options = recipe { summary = "x" }
log.info(options.branch) -- want: options has no "branch"
