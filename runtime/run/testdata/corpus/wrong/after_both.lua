local function f(a)
  if a then return 1 else return 2 end
  log.info("x") -- want: this is never reached
end
f(1)
