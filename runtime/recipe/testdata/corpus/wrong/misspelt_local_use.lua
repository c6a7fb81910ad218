local revision = "x"
log.info(revison) -- want: undeclared global "revison" (did you mean "revision"?)
log.info(revision)
