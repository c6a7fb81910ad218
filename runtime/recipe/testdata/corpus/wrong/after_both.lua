local function f(a)
  if a then return 1 else return 2 end
  log.info("x") -- want: unreachable: the code above
end
f(1)
