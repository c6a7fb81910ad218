log.wran("x") -- want: log has no "wran" (did you mean "warn"?)
