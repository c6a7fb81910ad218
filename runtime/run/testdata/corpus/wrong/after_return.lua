local function f()
  do return 1 end
  log.info("x") -- want: this is never reached
end
f()
