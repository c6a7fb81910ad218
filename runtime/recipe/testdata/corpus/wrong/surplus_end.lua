log.info("x")
end -- want: syntax error near "end"
